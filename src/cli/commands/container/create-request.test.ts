/** The requests of `run` and `create`, and what is wrong with flags, held against the genuine docker command line: both talk to a recording server. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CliError, HelpError, UsageError } from "../../errors.ts";
import { parseFlags } from "../../parse/flags.ts";
import type { Settings } from "../../transport/settings.ts";
import { CREATE_FLAGS } from "./create-flags.ts";
import { createCall } from "./create-request.ts";
import { proxiesOf } from "./environment.ts";
import { command as run } from "./run.ts";

const dir = mkdtempSync("/tmp/skiff-create-");
const file = (name: string, text: string): string => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};
const env = file("env", "\ufeff# no\n  A=1\nHOME\nUNSET_HERE\n\nB= x \r\n");
const labels = file("labels", "one=1\ntwo\n");
const seccomp = file("seccomp.json", '{ "defaultAction": "SCMP_ACT_ALLOW",\n  "x": "a \\" b" }\n');

interface Recorded {
  readonly path: string;
  readonly body: unknown;
}

let server: ReturnType<typeof Bun.serve>;
let recorded: Recorded[] = [];
beforeAll(() => {
  mkdirSync(join(dir, "config"));
  const headers = { "Api-Version": "1.50", Ostype: "linux", "Docker-Experimental": "false" };
  server = Bun.serve({
    unix: join(dir, "s.sock"),
    async fetch(request) {
      const url = new URL(request.url);
      if (url.pathname === "/_ping") return new Response("OK", { headers });
      recorded.push({
        path: url.pathname.replace(/^\/v[\d.]+/, "") + url.search,
        body: await request.json(),
      });
      return Response.json({ message: "recorded" }, { status: 500, headers });
    },
  });
});
afterAll(async () => {
  await server.stop(true);
  rmSync(dir, { recursive: true });
});

async function docker(args: readonly string[]): Promise<{ code: number; stderr: string }> {
  const child = Bun.spawn(["docker", "-H", `unix://${dir}/s.sock`, ...args], {
    ...{ cwd: dir, stdin: "ignore", stdout: "ignore", stderr: "pipe" },
    env: {
      PATH: process.env["PATH"]!,
      HOME: process.env["HOME"] ?? "/root",
      DOCKER_CONFIG: join(dir, "config"),
    },
  });
  const stderr = await child.stderr.text();
  return { code: await child.exited, stderr };
}

/** Go iterates over maps in any order. */
function sorted(body: unknown): unknown {
  const { HostConfig, Env } = body as {
    Env: string[] | null;
    HostConfig: { Binds: string[] | null; Ulimits: { Name: string }[] };
  };
  // With a file among the sources docker's own order of variables changes from run to run.
  Env?.sort();
  HostConfig.Binds?.sort();
  HostConfig.Ulimits.sort((a, b) => (a.Name < b.Name ? -1 : 1));
  return body;
}

const CASES: readonly string[] = [
  "img",
  "-i img",
  "-it img sh -c x",
  "-a stdout -i img",
  "-a stdin -a STDERR img",
  "--name n --rm --hostname h --domainname d -u 1:2 -w /w img a b",
  `-e A=1 -e HOME -e NOT_SET -e E= --env-file ${env} img`,
  `-l a=b -l c --label-file ${labels} img`,
  "-v /a:/b:ro -v named:/n -v ./rel:/r -v ../up:/u -v /anon -v . img",
  "-p 80 -p 8080:80/udp -p 127.0.0.1:1-3:1-3 -p [::1]:5:5 -p 9000-9010:7 -p published=1,target=2,protocol=udp img",
  "-P --expose 5-7/udp --expose 9 img",
  "--mount type=bind,src=/a,dst=/b,ro,bind-propagation=RSHARED,bind-recursive=disabled img",
  "--mount type=bind,src=/a,dst=/b,readonly=true,bind-recursive=writable --mount type=bind,source=.,target=/c,bind-nonrecursive img",
  "--mount type=volume,dst=/v,volume-nocopy,volume-label=a=b,volume-driver=d,volume-opt=o=p,volume-subpath=s img",
  "--mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770 --mount type=image,src=i,dst=/i,image-subpath=x img",
  "--mount dst=/only,consistency=Cached img",
  "-m 32m --memory-reservation 1.5g --memory-swap -1 --memory-swappiness 10 --cpus 0.5 --cpu-shares 3 --pids-limit -1 img",
  "--memory-swap 2gb --kernel-memory 4M --cpus 1.25 img",
  "--cpu-period 1 --cpu-quota 2 --cpu-rt-period 3 --cpu-rt-runtime 4 --cpuset-cpus 0-1 --cpuset-mems 0 img",
  "--blkio-weight 100 --blkio-weight-device /dev/a:50 --device-read-bps /dev/a:1mb --device-write-bps /dev/a:5 --device-read-iops /dev/a:7 --device-write-iops /dev/b:8 img",
  "--device /dev/a --device /dev/b:r --device /dev/c:/dev/d --device /dev/e:/dev/f:rw --device vendor.com/class=x img",
  "--device-cgroup-rule c_1:*_rwm img",
  "--gpus all img",
  "--gpus 2 img",
  '--gpus "device=0,1",driver=nvidia img',
  '--gpus count=all,"capabilities=compute,utility","options=a=b,c=d" img',
  "--ulimit nofile=10:20 --ulimit core=-1 --ulimit nofile=5 img",
  "--read-only --privileged --init --oom-kill-disable --oom-score-adj 5 --shm-size 64m img",
  "--init=false --oom-kill-disable=false img",
  "--cap-add NET_ADMIN --cap-drop ALL --group-add g --security-opt no-new-privileges --security-opt apparmor:unconfined img",
  `--security-opt seccomp=${seccomp} --security-opt systempaths=unconfined img`,
  "--security-opt seccomp=unconfined --security-opt label=disable img",
  "--tmpfs /t --tmpfs /u:size=1m,mode=1777 img",
  "--restart always img",
  "--restart on-failure:3 img",
  "--restart= img",
  "--log-driver json-file --log-opt max-size=1m --log-opt x img",
  "--dns 1.1.1.1 --dns-opt a --dns-option b --dns-search example.com --dns-search . --add-host a:1.2.3.4 --add-host b=::1 --add-host c=[::2] --add-host d:host-gateway img",
  "--pid host --ipc shareable --uts host --userns host --cgroupns private --runtime r --isolation default img",
  "--pid container:x --ipc container:y --cgroup-parent /p img",
  "--stop-signal INT --stop-timeout 0 img",
  "--health-cmd x --health-interval 1m30s --health-retries 2 --health-start-period 1s --health-start-interval 500ms --health-timeout 2s img",
  "--health-interval 5s img",
  "--no-healthcheck img",
  "--entrypoint sh img -c x",
  "--entrypoint= img",
  "--sysctl net.a=1 --sysctl kernel.sem=x --storage-opt size=1 --annotation a=b --annotation c img",
  "--volumes-from x --volumes-from y:ro --volume-driver d img",
  "--link a --link b:c img",
  "--network n img",
  "--network host img",
  "--network none img",
  "--network container:x img",
  "--network n --link a:b --network-alias x --ip 1.2.3.4 --ip6 fe80::1 --link-local-ip 169.254.1.1 --mac-address 02:42:ac:11:00:02 img",
  "--network n --network name=m,alias=A,alias=b,ip=1.1.1.1,ip6=::1,mac-address=02:42:ac:11:00:02,driver-opt=a=b,gw-priority=5,link-local-ip=169.254.1.2 img",
  "--network name=n --net m img",
  "--net n --net-alias a --network-alias b img",
  "--ip 1.2.3.4 --mac-address 02:42:ac:11:00:02 img",
  "--platform linux/arm64 img",
  "-ti --detach-keys a img",
];

const wordsOf = (line: string): string[] =>
  line.split(" ").map((word) => word.replaceAll("_", word.startsWith("c_") ? " " : "_"));

describe("requests", () => {
  const before = { cwd: process.cwd(), unset: process.env["NOT_SET"] };
  beforeAll(() => process.chdir(dir));
  afterAll(() => process.chdir(before.cwd));
  test.each([...CASES])("%s", async (line) => {
    const verb = line.includes("--detach-keys") ? "run" : "create";
    const args = wordsOf(line);
    recorded = [];
    // A terminal is wanted of stdin by run alone.
    const { stderr } = await docker(
      verb === "run"
        ? ["create", ...args.filter((word) => !/^(--detach-keys|a)$/.test(word))]
        : [verb, ...args],
    );
    const genuine = recorded[0];
    if (genuine === undefined) throw new Error(`docker sent nothing: ${stderr}`);
    const call = createCall(parseFlags(verb === "run" ? run.flags : CREATE_FLAGS, args, true), false);
    const ours = JSON.parse(JSON.stringify(call.body)) as unknown;
    expect(sorted(ours)).toEqual(sorted(genuine.body));
    const query = new URLSearchParams(genuine.path.split("?")[1]);
    expect(call.platform).toBe(query.get("platform") ?? "");
    expect(call.name).toBe(query.get("name") ?? "");
  });

  test("proxies of the configuration, and the last of a name", async () => {
    const proxies = { default: { httpProxy: "http://p:1", noProxy: "x", ftpProxy: "" } };
    writeFileSync(join(dir, "config/config.json"), JSON.stringify({ proxies }));
    recorded = [];
    const args = ["-e", "A=1", "-e", "http_proxy=own", "-e", "A=2", "img"];
    await docker(["create", ...args]);
    rmSync(join(dir, "config/config.json"));
    const settings = { config: { proxies }, host: "unix:///x" } as unknown as Settings;
    const call = createCall(parseFlags(CREATE_FLAGS, args, true), false, proxiesOf(settings));
    expect(call.body.Env?.toSorted()).toEqual((recorded[0]!.body as { Env: string[] }).Env.sort());
  });

  test("run -d", async () => {
    recorded = [];
    await docker(["run", "-d", "-i", "img", "a"]);
    const call = createCall(parseFlags(run.flags, ["-d", "-i", "img", "a"], true), true);
    expect(sorted(JSON.parse(JSON.stringify(call.body)))).toEqual(sorted(recorded[0]!.body));
  });

  test("keys are in docker's order", async () => {
    recorded = [];
    await docker(["create", "img"]);
    const call = createCall(parseFlags(CREATE_FLAGS, ["img"], true), false);
    expect(JSON.stringify(call.body)).toBe(JSON.stringify(recorded[0]!.body));
  });
});

const REFUSED: readonly string[] = [
  ..."--memory=x|-m 1kk|-m -1|--memory-swap -2|--cpus x|--cpus 0.0000000001|--ulimit x|--ulimit foo=1".split(
    "|",
  ),
  ..."--ulimit nofile=5:2|--ulimit nofile=x|--ulimit nofile=1:2:3|--restart on-failure:x|--restart :1".split(
    "|",
  ),
  ..."--restart always --rm|--pull bla|-p 99999:1|-p x|-p 1.2.3.4.5:80:80|-p 80:81/foo|-p 1-3:1-2|-p a=1,b".split(
    "|",
  ),
  ..."--expose x|--expose 70000|--expose 1:2|--expose 5-3|--mount x|--mount type=bind|--mount type=,dst=/a".split(
    "|",
  ),
  ..."--mount type=bind,src=/x,dst=/a,bogus=1|--mount type=bind,src=/x,dst=/a,bogus|--mount dst=/a,tmpfs-size=z".split(
    "|",
  ),
  ..."--mount type=tmpfs,dst=/a,tmpfs-mode=9|--mount dst=/a,bind-propagation=x|--mount dst=/a,ro=maybe".split(
    "|",
  ),
  ..."--mount type=bind,src=/x,dst=/a,bind-recursive=x|--mount type=bind,src=/x,dst=/a,bind-recursive=readonly".split(
    "|",
  ),
  ..."--mount type=bind,src=/x,dst=/a,ro,bind-recursive=readonly|-a foo|--network foo=bar|--network name=a,name".split(
    "|",
  ),
  ..."--network host --network b|--network b --network b|--network-alias x --network host|--ip 1 --network name=a,ip=2".split(
    "|",
  ),
  ..."--network name=a,gw-priority=x|--network name=a,driver-opt=x|--no-healthcheck --health-cmd x".split(
    "|",
  ),
  ..."--health-interval x|--health-interval=-1s|--health-retries x|--health-retries=-1|--device a:b:zz|--device /a:/b:/c:d".split(
    "|",
  ),
  ..."--device-cgroup-rule x|--device-read-bps x|--device-read-bps /dev/x:y|--device-read-bps x:1|--device-read-iops /dev/x:1k".split(
    "|",
  ),
  ..."--blkio-weight-device x|--blkio-weight-device /dev/x:5|--blkio-weight 99999|--blkio-weight x".split(
    "|",
  ),
  ..."--memory-swappiness 200|--memory-swappiness x|--security-opt foo|--security-opt seccomp=/nope|--add-host x".split(
    "|",
  ),
  ..."--add-host a:b|--add-host a=1.2.3.4.5|--dns x|--dns-search -|--link a:b:c|--link=|--sysctl x|--sysctl a=b".split(
    "|",
  ),
  ..."--log-driver none --log-opt a=b|--storage-opt x|--label=|--label =x|--label-file /nope|--env-file /nope".split(
    "|",
  ),
  ..."-e =x|--env=|--gpus x|--gpus count=x|--gpus foo=bar|--gpus 1,count=2|--mac-address x|--pid x|--pid container:".split(
    "|",
  ),
  ..."--uts x|--userns x|--cgroupns x|--stop-timeout x|--volume=|--oom-score-adj x|--pids-limit 99999999999999999999".split(
    "|",
  ),
  ..."--init=maybe|-it=no|--nope|-Q|-itQ|--shm-size x|--memory|-m".split("|"),
];

describe("refusals", () => {
  test.each([...REFUSED])("%s", async (line) => {
    const args = line === "--memory" || line === "-m" ? [line] : [...line.split(" "), "img"];
    const { code, stderr } = await docker(["create", ...args]);
    let ours: { readonly code: number; readonly message: string } | undefined;
    try {
      createCall(parseFlags(CREATE_FLAGS, args, true), false);
    } catch (error) {
      if (error instanceof UsageError) ours = { code: 125, message: error.message };
      else if (error instanceof HelpError)
        ours = { code: error.exitCode, message: `docker: ${error.message}` };
      else if (error instanceof CliError) ours = { code: error.exitCode, message: error.message };
      else throw error;
    }
    const said = stderr.split("\n\n")[0]!.trimEnd();
    expect({ ...ours, message: ours?.message.trimEnd() }).toEqual({ code, message: said });
  });
});
