/**
 * The two command lines side by side: the same words to the same engine give the same output, the same complaints and the same exit code.
 * What a program says of itself (its name, its version) is made equal first.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Engine, startEngine } from "../harness/engine.ts";
import { busyboxArchive } from "../harness/images.ts";
import type { Outcome } from "../harness/shell.ts";

let engine: Engine;

beforeAll(async () => {
  engine = await startEngine({ network: "none" });
  mkdirSync(join(engine.dir, "config"), { recursive: true });
  await engine.ok("docker", ["load", "-i", await busyboxArchive()]);
  await engine.ok("docker", ["tag", "busybox", "two:1"]);
  await engine.ok("docker", ["tag", "busybox", "localhost:5000/some/name:2"]);
  await engine.ok("docker", ["volume", "create", "--label", "a=b", "kept"]);
  const labels = ["--label", "some=label", "-v", "kept:/kept"];
  await engine.ok("docker", [
    "run",
    "-d",
    "--name",
    "c0",
    ...labels,
    "--network",
    "none",
    "busybox",
    "sleep",
    "600",
  ]);
  await engine.ok("docker", [
    "create",
    "--name",
    "c1",
    "--network",
    "none",
    "busybox",
    "sh",
    "-c",
    "echo hello",
  ]);
}, 120_000);

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
}, 60_000);

/** Programs' names, and what moves between two calls a moment apart. */
function plain({ stdout, stderr, code }: Outcome): Outcome {
  const same = (text: string) =>
    text
      .replace(/\bskiff\b/g, "docker")
      .replace(/\b\d+ (seconds|minutes) ago/g, "N ago")
      .replace(/\bUp (\d+ (seconds|minutes)|Less than a second|1 second|About a minute)/g, "Up N")
      .replace(/ +/g, " ");
  return { stdout: same(stdout), stderr: same(stderr), code };
}

const IMAGES = [
  "images",
  "images -a --digests",
  "images -q --no-trunc",
  "images --format json",
  "images --format {{.Foo}}",
  "images --format {{.Foo",
  "images --format {{json(.ID)}}",
  "images --format {{json.}}",
  "images --format {{upper(.Repository)}}:{{.Tag}}",
  "images nope",
  "images two",
  "images -f dangling=true",
  "images -f reference=two*",
  "images -f foo=bar",
  "image ls --format table{{.ID}}",
  "history busybox",
  "history --no-trunc busybox",
  "history -H=false busybox",
  "history -q busybox",
  "history --format json busybox",
  "history nope",
  "rmi nope",
  "rmi -f nope",
  "tag nope x",
  "tag busybox Bad",
  "tag Bad x",
  "tag a",
  "save nope",
  "save -o /no-such-directory/x busybox",
  "load -i /no-such-file",
  "import /no-such-file",
  "pull Bad",
  "pull -a x:1",
  "push Bad",
  "push -a x:1",
  "push two",
  "commit nope",
  "commit c0 Bad",
  "search x",
] as const;

const INSPECT = [
  "inspect busybox",
  "inspect c0",
  "inspect kept",
  "inspect none",
  "inspect nope",
  "inspect busybox c0 nope kept",
  "inspect -f json busybox",
  "inspect -f {{.Name}} kept",
  "inspect -s c1",
  "inspect --type foo x",
  "inspect --type= x",
  "inspect --type volume nope",
  "inspect --type image c0",
  "inspect",
  "image inspect nope",
  "image inspect busybox",
  "container inspect nope c0",
  "volume inspect nope",
  "network inspect nope",
  "network inspect host",
] as const;

const OTHERS = [
  "volume ls",
  "volume ls -q",
  "volume ls --format json",
  "volume ls -f label=a",
  "volume ls -f foo=1",
  "volume ls x",
  "volume rm nope",
  "volume rm kept",
  "volume rm",
  "volume create v",
  "volume prune",
  "network ls",
  "network ls -q --no-trunc",
  "network ls --format json",
  "network ls -f driver=host",
  "network ls -f foo=1",
  "network rm nope host",
  "network create x1 --subnet foo",
  "network create x1 --gateway 1.2.3.4",
  "network create x1 --subnet 10.1.0.0/16 --subnet 10.1.2.0/24",
  "network create x1 --subnet 10.1.0.0/16 --gateway 10.2.0.1",
  "network connect nope c0",
  "network disconnect nope c0",
  "network connect host nope",
  "network prune",
  "image prune",
  "image prune -a",
  "container prune",
  "system prune",
  "system prune -a --volumes --filter label=x",
  "system df",
  "system df -v",
  "system df --format json",
  "info -f {{.Foo}}",
  "info -f {{.Foo",
  "info -f {{.Plugins.Volume}}",
  "info -f {{.Name}}-{{.Driver}}",
  "version -f {{.Server.Version}}-{{.Client.APIVersion}}",
  "version -f {{.Foo}}",
  "version -f {{.Foo",
  "version x",
  "events --since 1h --until 0s",
  "events --since 1h --until 0s --format json",
  "events --since 1h --until 0s --format {{.Type}}-{{.Action}}-{{.TimeNano}}-{{.Actor.Attributes.name}}",
  "events --since 1h --until 0s -f type=volume",
  "events --since 1h --until 0s --format {{.Foo}}",
  "events --since 1h --until 0s --format {{.Foo",
  "events --since foo --until 0s",
  "context ls",
  "context ls -q",
  "context ls --format json",
  "context inspect",
  "context inspect nope",
  "context show",
  "context rm nope",
  "context rm default",
  "context use nope",
  "context create a@b",
  "context create default",
  "logout some.host",
  "login some.host",
  "volume --foo",
  "image",
  "volume foo",
  "images --foo",
  "images -z",
  "nope",
] as const;

/** Templates over a container: Go's language, its functions, its complaints. */
const TEMPLATES = [
  "{{.State.Status}} {{.State.Running}} {{.Name}} {{.Config.Cmd}} {{.Config.Labels}}",
  "{{range .Mounts}}{{.Name}}:{{.Destination}}{{end}} {{if .State.Health}}h{{else}}n{{end}}",
  '{{.Config.Labels.foo}} {{index .Config.Labels "x"}} {{index .Config.Cmd 0}}',
  '{{printf "%5d|%-5s|%q|%v|%05d|%x" 3 "a" "b" .State.Running 7 "hi"}}',
  '{{println 1 2}}{{join .Config.Cmd ","}} {{upper "a"}} {{title "ab cd"}} {{slice .Name 1 3}}',
  '{{truncate "abcdef" 3}} {{pad "a" 1 2}}|{{split "a,b" ","}} {{html "<a>"}} {{urlquery "a b&c"}}',
  '{{and 1 0}} {{or "" "x"}} {{not true}} {{eq 1 2 1}} {{ne "a" "b"}} {{ge 2 2}} {{len .Name}}',
  "{{range $i, $e := .Config.Cmd}} {{$i}}={{$e}}{{else}}none{{end}} {{- /* c */ -}} x",
  "{{with .State}}{{.Status}}{{end}}{{with .Config.Labels.foo}}{{.}}{{else}}no{{end}}",
  "{{$x := .State}}{{$x.Status}} {{(index .Mounts 0).Name}} {{.Name | upper | json}}",
  '{{1}} {{1.5}} {{true}} {{"a\\tb"}} {{`raw`}}',
  "{{json .Config.Cmd}} {{json .Mounts}}",
  "{{.Name|}}",
  "{{.Foo}}",
  "{{.Foo",
  "{{.State.Foo.Bar}}",
  "{{.Foo.Bar.Baz}}",
  "é\n {{with .State}}{{.A.B.C}}{{end}}",
  "{{$x := .State}}{{$x.A.B}}",
  "{{index .Mounts 5}}",
  "{{.Name.Foo}}",
  "{{.Name | foo}}",
  "{{if}}x{{end}}",
  "{{if .Name}}x",
  "{{end}}",
  '{{.Name "a"}}',
  "{{len 3}}",
  '{{"a',
  "{{)}}",
  "{{(.Name}}",
  "{{$y}}",
  "{{}}",
  "{{json}}",
  "{{break}}",
  "{{range .Name}}{{end}}",
  '{{lt 1 "a"}}',
  "{{nil}}",
] as const;

async function compare(
  args: readonly string[],
  tidy: (outcome: Outcome) => Outcome = (outcome) => outcome,
): Promise<void> {
  const [docker, skiff] = await Promise.all([engine.run("docker", args), engine.run("skiff", args)]);
  expect({ args, ...tidy(plain(skiff)) }).toEqual({ args, ...tidy(plain(docker)) });
}

/** Which of an image's names comes first is chance, with docker. */
const sorted = (outcome: Outcome): Outcome => ({
  ...outcome,
  stdout: outcome.stdout.split("\n").sort().join("\n"),
});

test.each([...IMAGES])("%s", (line) => compare(line.split(" "), sorted), 60_000);
test.each([...INSPECT])("%s", (line) => compare(line.split(" ")), 60_000);
test.each([...OTHERS])("%s", (line) => compare(line.split(" ")), 60_000);
test.each([...TEMPLATES])("template %s", (template) => compare(["inspect", "-f", template, "c0"]), 60_000);
