/** The flags before the command: where the daemon is, how it is reached. */
import { bool, type Flag, list, text } from "./flag.ts";

export function configDirectory(): string {
  return process.env["DOCKER_CONFIG"] || `${process.env["HOME"] ?? "/root"}/.docker`;
}

const directory = configDirectory();
const certificates = process.env["DOCKER_CERT_PATH"] || directory;

export const GLOBAL_FLAGS: readonly Flag[] = [
  text("config", "Location of client config files", { default: directory }),
  text(
    "context",
    'Name of the context to use to connect to the daemon (overrides DOCKER_HOST env var and default context set with "skiff context use")',
    { short: "c" },
  ),
  bool("debug", "Enable debug mode", "D"),
  list("host", "Daemon socket to connect to", { short: "H" }),
  text("log-level", 'Set the logging level ("debug", "info", "warn", "error", "fatal")', {
    short: "l",
    default: "info",
  }),
  bool("tls", "Use TLS; implied by --tlsverify"),
  text("tlscacert", "Trust certs signed only by this CA", { default: `${certificates}/ca.pem` }),
  text("tlscert", "Path to TLS certificate file", { default: `${certificates}/cert.pem` }),
  text("tlskey", "Path to TLS key file", { default: `${certificates}/key.pem` }),
  bool("tlsverify", "Use TLS and verify the remote"),
  bool("version", "Print version information and quit", "v"),
  { ...bool("help", "Print usage", "h"), hidden: true },
];
