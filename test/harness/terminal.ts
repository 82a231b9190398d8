/** A real terminal (tmux with a server of its own): a test types into it and reads the screen, as a person would. */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cleanEnv, eventually, must, shell } from "./shell.ts";

export interface Terminal extends AsyncDisposable {
  /** Types text as it is. */
  type(text: string): Promise<void>;
  /** Presses a key by tmux's name: `Enter`, `C-c`, `C-p`. */
  press(...keys: string[]): Promise<void>;
  /** Waits until the screen shows `text`; answers the screen. */
  shows(text: string | RegExp): Promise<string>;
  screen(): Promise<string>;
  resize(columns: number, rows: number): Promise<void>;
}

export async function openTerminal(env: Readonly<Record<string, string>> = {}): Promise<Terminal> {
  const dir = mkdtempSync("/tmp/skiff-tmux-");
  const tmux = ["tmux", "-S", join(dir, "socket"), "-f", "/dev/null"];
  const size = ["-x", "120", "-y", "40"];
  await must([...tmux, "new-session", "-d", ...size, "env", "PS1=host> ", "TERM=xterm", "sh"], {
    env: cleanEnv(env),
  });
  const screen = () => must([...tmux, "capture-pane", "-p", "-J"]);
  return {
    screen,
    type: async (text) => void (await must([...tmux, "send-keys", "-l", text])),
    press: async (...keys) => void (await must([...tmux, "send-keys", ...keys])),
    shows: (text) =>
      eventually(`the screen to show ${text}`, async () => {
        const now = await screen();
        return (typeof text === "string" ? now.includes(text) : text.test(now)) ? now : undefined;
      }),
    resize: async (columns, rows) => {
      await must([...tmux, "resize-window", "-x", String(columns), "-y", String(rows)]);
    },
    async [Symbol.asyncDispose]() {
      await shell([...tmux, "kill-server"]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
