import assert from "node:assert/strict";
import { explainFailure, failureMessage } from "../../cmd/peer/failure.ts";
import { ExitCode, ToolError } from "../../cmd/tool/exit_code.ts";
import { ChannelError, ConnectError, NOT_AUTHORIZED } from "../../mod.ts";

Deno.test("being refused by the peer's policy is exit code 3, whenever it happens", () => {
  const failures: [Error, number][] = [
    [new ConnectError("refused", "banned"), ExitCode.refused],
    [new ChannelError("", "declined", NOT_AUTHORIZED, "banned"), ExitCode.refused],
    [new ChannelError("", "session-closed", NOT_AUTHORIZED, "banned"), ExitCode.refused],
    [new ChannelError("", "session-closed", 256, "the path is lost"), ExitCode.failure],
    [new ChannelError("", "declined", 258, "no such host"), ExitCode.failure],
  ];
  for (const [error, exitCode] of failures) {
    const explained = explainFailure(error);
    assert.ok(explained instanceof ToolError);
    assert.equal(explained.exitCode, exitCode, error.message);
  }
});

Deno.test("a reason of the peer's stays one line, and commands no terminal", () => {
  const reason = "no\ndnc: listening\r\x1b[A";
  const failures = [
    new ConnectError("refused", `P refused the connection: ${reason}`),
    new ChannelError("", "declined", 258, reason),
    new ChannelError("", "session-closed", 256, reason),
  ];
  for (const error of failures) {
    assert.match(failureMessage(error), /no\ufffddnc: listening\ufffd\ufffd\[A$/);
  }
  assert.equal(failureMessage(new Error("ours")), "ours");
  assert.equal(failureMessage("no error"), "no error");
});
