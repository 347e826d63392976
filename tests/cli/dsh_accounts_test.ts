import assert from "node:assert/strict";
import { userInfo } from "node:os";
import { Accounts } from "../../cmd/dsh/server/accounts.ts";

const peer = (authority: string) => ({
  ...{ id: "f00", chainIds: ["f00", authority], issuerId: authority, subjects: ["ann", ""] },
  ...{ serialNumbers: ["1", "2"], notAfter: new Date(2 ** 42) },
});

Deno.test({
  name: "dsh accounts: names count where a CA wrote them that is trusted now",
  ignore: Deno.build.os !== "linux",
  async fn() {
    let authorities = ["former"];
    const { username } = userInfo();
    const accounts = await Accounts.of([{ peer: "ann", user: username }], () => authorities);
    assert.equal(accounts.accountFor(peer("former"))?.name, username);
    assert.equal(accounts.accountFor(peer("next")), undefined);
    authorities = ["next"];
    assert.equal(accounts.accountFor(peer("former")), undefined);
    assert.equal(accounts.accountFor(peer("next"))?.name, username);
  },
});

Deno.test({
  name: "dsh accounts: whoever serves, where no list is given; nobody, where it is empty",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const unlisted = await Accounts.of(undefined, () => []);
    assert.equal(unlisted.accountFor(peer("any"))?.uid, Deno.uid());
    const emptied = await Accounts.of([], () => []);
    assert.equal(emptied.accountFor(peer("any")), undefined);
  },
});

Deno.test({
  name: "dsh accounts: a device that is named like another one's id is not that one",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const { username } = userInfo();
    const id = "9b1d".repeat(16);
    const accounts = await Accounts.of([{ peer: id, user: username }], () => ["ca"]);
    assert.equal(accounts.accountFor({ ...peer("ca"), id })?.name, username);
    assert.equal(accounts.accountFor({ ...peer("ca"), subjects: [id, ""] }), undefined);
  },
});
