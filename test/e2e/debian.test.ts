/** The issue's own words: both command lines pull a multi-layer Debian image and run it with `-it` under a real pty. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CLIENTS, type Engine, startEngine } from "../harness/engine.ts";
import { debianLayout, push } from "../harness/images.ts";
import { type Registry, startRegistry } from "../harness/registry.ts";
import { openTerminal } from "../harness/terminal.ts";

let engine: Engine;
let registry: Registry;
beforeAll(async () => {
  const layout = await debianLayout();
  registry = await startRegistry();
  await push(layout, `${registry.name}/debian:latest`);
  engine = await startEngine();
}, 300_000);
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
}, 60_000);

describe.each([...CLIENTS])("%s", (client) => {
  test("pulls Debian and works in it on a terminal", async () => {
    const image = `${registry.name}/debian:latest`;
    await engine.run(client, ["rmi", "-f", image]);
    const pulled = await engine.ok(client, ["pull", image]);
    expect(pulled).toContain(`Status: Downloaded newer image for ${image}`);
    expect(await engine.ok(client, ["pull", image])).toContain(`Status: Image is up to date for ${image}`);

    await using terminal = await openTerminal({ DOCKER_CONFIG: `${engine.dir}/config` });
    await terminal.type(
      `${engine.argv(client, ["run", "-it", "--rm", "-h", "boat", image]).join(" ")}; echo left $?`,
    );
    await terminal.press("Enter");
    await terminal.shows("root@boat:/#");
    await terminal.type("tty; stty size; cat /etc/debian_version; echo $DEBIAN");
    await terminal.press("Enter");
    expect(await terminal.shows("yes")).toMatch(/\/dev\/(pts\/0|console)\n40 120\n12\.\d+\nyes/);
    await terminal.resize(100, 30);
    await terminal.type("sleep 1000");
    await terminal.press("Enter");
    await Bun.sleep(200);
    await terminal.press("C-c");
    await terminal.type("stty size; kill -l 2 >/dev/null && echo still here");
    await terminal.press("Enter");
    await terminal.shows(/^30 100$/m);
    await terminal.shows(/^still here$/m);
    await terminal.type("exit 42");
    await terminal.press("Enter");
    await terminal.shows("left 42");
  });

  test("detaches with ctrl-p ctrl-q and attaches again", async () => {
    const name = `detach-${client}`;
    await using terminal = await openTerminal({ DOCKER_CONFIG: `${engine.dir}/config` });
    const image = `${registry.name}/debian:latest`;
    await terminal.type(engine.argv(client, ["run", "-it", "--name", name, "-h", "boat", image]).join(" "));
    await terminal.press("Enter");
    await terminal.shows("root@boat:/#");
    await terminal.press("C-p");
    await terminal.press("C-q");
    await terminal.shows(/host> $/m);
    expect(await engine.ok(client, ["inspect", "-f", "{{.State.Running}}", name])).toBe("true");
    await terminal.type(engine.argv(client, ["attach", name]).join(" "));
    await terminal.press("Enter");
    await Bun.sleep(300);
    await terminal.type("echo $((6 * 7)); exit 3");
    await terminal.press("Enter");
    await terminal.shows(/^42$/m);
    expect(await engine.ok(client, ["wait", name])).toBe("3");
    await engine.ok(client, ["rm", name]);
  });

  test("exec -it opens a terminal of its own", async () => {
    const name = `exec-it-${client}`;
    await engine.ok(client, ["run", "-d", "--name", name, `${registry.name}/debian:latest`, "sleep", "1000"]);
    await using terminal = await openTerminal({ DOCKER_CONFIG: `${engine.dir}/config` });
    await terminal.type(`${engine.argv(client, ["exec", "-it", name, "bash"]).join(" ")}; echo left $?`);
    await terminal.press("Enter");
    await terminal.shows(/root@[0-9a-f]{12}:\/#/);
    await terminal.type("stty size; exit 9");
    await terminal.press("Enter");
    expect(await terminal.shows("left 9")).toContain("40 120");
    await engine.ok(client, ["rm", "-f", name]);
  });
});
