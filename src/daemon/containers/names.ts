/** Names of containers: which are allowed, and the ones given to containers without one. */
import { SkiffError } from "../../lib/errors.ts";

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

const HOW = [
  ..."ample azure balmy brave breezy bright calm candid clear coastal copper coral daring deft eager early easy even".split(
    " ",
  ),
  ..."fair fleet fond frosty gentle gilded glad golden grand hardy hazel humble jolly keen kind lively lucid lunar".split(
    " ",
  ),
  ..."mellow merry mild misty modest neat nimble noble open patient plain polar proud quick quiet rapid ready rosy".split(
    " ",
  ),
  ..."salty sandy serene silver sleek smooth snug solar spry steady still sturdy sunny swift tidal tidy true vivid".split(
    " ",
  ),
  ..."warm wild windy wise witty young zesty".split(" "),
] as const;

const BOAT = [
  ..."barge bark brig canoe caravel carrack catboat clipper cog coracle corvette cutter dhow dinghy dory drifter ferry".split(
    " ",
  ),
  ..."frigate galleon galley gig gondola hooker hoy hulk jolly junk kayak keelboat ketch launch lighter longship lugger".split(
    " ",
  ),
  ..."outrigger packet pilot pinnace pontoon pram proa punt raft sampan schooner scow shallop skiff sloop smack snow".split(
    " ",
  ),
  ..."tartane tender trawler trimaran tug wherry whaler xebec yacht yawl".split(" "),
] as const;

/** Docker's rule and words for `--name`. A leading slash is accepted and dropped. */
export function parseName(text: string): string {
  const name = text.startsWith("/") ? text.slice(1) : text;
  if (NAME.test(name)) return name;
  throw new SkiffError(
    "invalid_argument",
    `Invalid container name (${text}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
  );
}

/** A free name such as `steady_ketch`; after some tries with a number behind it. */
export function makeName(isTaken: (name: string) => boolean, random: () => number = Math.random): string {
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)]!;
  for (let attempt = 0; ; attempt += 1) {
    const suffix = attempt < 3 ? "" : String(Math.floor(random() * 10 ** Math.min(attempt - 2, 9)));
    const name = `${pick(HOW)}_${pick(BOAT)}${suffix}`;
    if (!isTaken(name)) return name;
  }
}
