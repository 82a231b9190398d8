/** `POST /containers/{id}/rename`. */
import { SkiffError } from "../../lib/errors.ts";
import { parseName } from "./names.ts";
import { type Parts, publish } from "./parts.ts";

/** @throws invalid_argument, already_exists in Docker's words. */
export function renameContainer(parts: Parts, reference: string, newName: string): void {
  const container = parts.registry.get(reference);
  if (newName === "") throw new SkiffError("invalid_argument", "Neither old nor new names may be empty");
  const name = parseName(newName);
  if (name === container.name)
    throw new SkiffError("invalid_argument", "Renaming a container with the same name as its current name");
  parts.registry.reserveName(name, container.id);
  const renamed = parts.registry.change(container.id, (now) => ({ ...now, name }))!;
  parts.networks.rename(container.id, name);
  publish(parts, renamed, "rename", { oldName: `/${container.name}` });
}
