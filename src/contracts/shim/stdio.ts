/**
 * The supervisor's stdio socket: how attach clients reach a container whose `Stdio` names
 *
 *     supervisor:///run/skiff/containers/<id>/stdio.sock?log=json-file&path=/…/<id>-json.log&max-size=0&max-file=1
 *
 * The client of the Task service chooses the path (its directory exists, 0700); the supervisor listens there (0600) from before
 * the process runs until it has stopped and its output is drained, then unlinks it. Query parameters:
 *
 *     log       `json-file` (Docker's format), or `none`
 *     path      the log file, absolute; appended to, created 0640
 *     max-size  bytes at which the file is rotated to `.1`, `.2` …; 0 = never
 *     max-file  number of files kept, ≥ 1
 *     hold      `1`: output waits in its pipe for the first client (10 s at most, 2 s after the exit), so that whoever starts the process
 *               misses nothing although there is no socket before the start (exec)
 *
 * Frames, both directions, header as in Docker's multiplexed stream:
 *
 *     +------+---+---+---+----------------+---------------------+
 *     | type | 0 | 0 | 0 | length u32 BE  | payload             |
 *     +------+---+---+---+----------------+---------------------+
 *
 * A client that does not read stops the container's output when its socket is full, as Docker's attach does; its death frees it.
 * A client sees only what is written after it connected: the log has the rest. A pty's output is one stream, `stdout`.
 * The frames `exit` and end of stream come when the process has stopped *and* its output has been delivered.
 */
export const FRAME = {
  /** client → supervisor: bytes for the process's stdin. */
  stdin: 0,
  /** supervisor → client */
  stdout: 1,
  /** supervisor → client */
  stderr: 2,
  /** client → supervisor, empty: close the process's stdin (no more from anybody). */
  closeStdin: 3,
  /** client → supervisor, u16 BE rows, u16 BE columns. */
  resize: 4,
  /** supervisor → client, u32 BE exit status (0–255), u64 BE nanoseconds since the epoch. */
  exit: 5,
  /** supervisor → client, empty: sent once when the client has been registered; what is written from here on, it sees. */
  hello: 6,
} as const;

export const FRAME_HEADER_BYTES = 8;
/** A longer frame is a protocol error: the receiver closes the connection. */
export const FRAME_PAYLOAD_BYTES_MAX = 65_536;
