/** Stands in for a module that must not be loaded. */
throw new Error("this module must not be loaded");
