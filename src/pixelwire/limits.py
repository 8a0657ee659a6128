"""Every bound of the product, named, with its unit; relations between them are asserted here."""

from typing import Final

# -- One request -----------------------------------------------------------------------------------
QUERY_BYTES_MAX: Final = 32_768
PARAMETERS_MAX: Final = 1_000
LEVELS_MAX: Final = 32
ARRAY_INDEX_MAX: Final = 255
PADDING_NULLS_MAX: Final = 1_000
MESSAGE_ID_CHARACTERS_MAX: Final = 255
HEADER_CHARACTERS_MAX: Final = 2_048
FACT_CHARACTERS_MAX: Final = 512
DROPPED_LISTED_MAX: Final = 100
DROPPED_KEY_CHARACTERS_MAX: Final = 128
EVENT_NAME_CHARACTERS_MAX: Final = 128  # as counted; the payload keeps the whole name
PATHS_REMEMBERED_MAX: Final = 2_048  # keys a worker has split and keeps for the next request
PATH_REMEMBERED_CHARACTERS_MAX: Final = 128
SHAPES_REMEMBERED_MAX: Final = 256  # kinds of requests a worker keeps the text of; 25 MB at the very worst
SHAPE_KEYS_MAX: Final = 64
SHAPE_CHARACTERS_MAX: Final = 2_048  # of all its keys

# The densest a query can get on its way to JSON: a byte that is not UTF-8 becomes U+FFFD (3 bytes),
# and a page view's url stands in the payload twice. Members of our own and the header values (four
# of them, at most 3 bytes a character from latin-1, some twice) are the rest.
PAYLOAD_BYTES_MAX: Final = 262_144
assert QUERY_BYTES_MAX * 3 * 2 + HEADER_CHARACTERS_MAX * 6 * 4 + 8_192 <= PAYLOAD_BYTES_MAX

# -- Duplicates ------------------------------------------------------------------------------------
DUPLICATE_WINDOW_MS: Final = 48 * 3_600_000

# -- Rate limits, while they are set ----------------------------------------------------------------
RATE_BUCKETS_MAX: Final = 32_768  # addresses a worker remembers; under 10 MB
RATE_BUCKETS_LOOKED_AT: Final = 8  # the oldest, when room is needed for a new one

# -- Worker to recorder ----------------------------------------------------------------------------
BATCH_EVENTS_MAX: Final = 2_048
BATCH_BYTES_MAX: Final = 4 * 1_048_576
FRAME_BYTES_MAX: Final = 8 * 1_048_576  # a batch with its tallies; a longer frame is not ours
HELD_BYTES_MAX: Final = 64 * 1_048_576  # what a worker keeps while the recorder comes back
HELD_EVENTS_MAX: Final = 65_536
HOLD_S: Final = 3.0  # how long a request waits for the recorder
TALLY_INTERVAL_S: Final = 0.5  # refusals reach the disk within a second
TALLY_ROWS_MAX: Final = 8_192  # distinct (hour, pixel, outcome, reason) a worker keeps apart
assert BATCH_BYTES_MAX + PAYLOAD_BYTES_MAX * 2 + TALLY_ROWS_MAX * 128 <= FRAME_BYTES_MAX
assert BATCH_BYTES_MAX <= HELD_BYTES_MAX
assert TALLY_INTERVAL_S < 1.0

# -- Recorder --------------------------------------------------------------------------------------
SEGMENT_EVENTS_MAX: Final = 250_000
SEGMENT_BYTES_MAX: Final = 512 * 1_048_576
SEGMENT_AGE_MS: Final = 86_400_000
COMMIT_EVENTS_MAX: Final = 8_192  # one transaction, over all workers
EVENT_NAMES_MAX: Final = 1_000  # a pixel and hour; the rest is `(other)`
EVENT_NAMES_REST: Final = "(other)"
FILTER_BITS: Final = 1 << 22  # of a full segment's filter of client-given ids: 512 KiB
WAL_CHECKPOINT_BYTES: Final = 16 * 1_048_576
RETENTION_LOOK_S: Final = 10.0
RETENTION_PAUSE_S: Final = 0.2  # between two removals: a file system takes a moment to free a large file
RETENTION_SEGMENTS: Final = 16  # under a limit of size, segments are sealed at this part of it
RETENTION_SEGMENT_BYTES_MIN: Final = 16 * 1_048_576  # each sealed one keeps 1 MiB of memory for 48 hours
RETENTION_HELD_S: Final = 30.0  # how long a reader may keep a removed file's room
RETENTION_AGE_DAYS_MIN: Final = 2
EXPIRED_EVENTS_MAX: Final = 1_000_000  # receipts of what a hard limit took; about 45 MB
assert RETENTION_AGE_DAYS_MIN * 86_400_000 >= DUPLICATE_WINDOW_MS
assert EXPIRED_EVENTS_MAX >= SEGMENT_EVENTS_MAX
assert COMMIT_EVENTS_MAX >= BATCH_EVENTS_MAX
assert FILTER_BITS >= SEGMENT_EVENTS_MAX * 16  # under 1 false hit in 100 with three probes

# -- Routing ---------------------------------------------------------------------------------------
ROUTE_RULES_MAX: Final = 100  # conditions, transforms, names of one list
ROUTED_BYTES_MAX: Final = 1_048_576  # a payload after its owner's transforms
assert ROUTED_BYTES_MAX >= 4 * PAYLOAD_BYTES_MAX

# -- Catalog ---------------------------------------------------------------------------------------
KEY_LOOKUPS_PER_S: Final = 200  # a worker's questions about keys it does not know
CATALOG_TICK_S: Final = 0.5
DESTINATIONS_MAX: Final = 100  # of a business: each is a loop of the courier's with connections of its own

# -- Management API --------------------------------------------------------------------------------
BODY_BYTES_MAX: Final = 64 * 1_024
NAME_CHARACTERS_MAX: Final = 255
HISTORY_DAYS_MAX: Final = 92
HISTORY_DAYS_DEFAULT: Final = 7
PIXELS_PAGE_MAX: Final = 50
EVENTS_PAGE_MAX: Final = 1_000
EVENTS_PAGE_BYTES_MAX: Final = 8 * 1_048_576
EVENTS_WAIT_S_MAX: Final = 30
DRY_RUN_EVENTS_MAX: Final = 100
DRY_RUN_BYTES_MAX: Final = 1_048_576  # of payloads, but for a single larger one
DRY_RUN_SCANNED_MAX: Final = 100_000  # of the newest events of the server, looked through for a pixel's
DISK_FREE_LOW_BYTES: Final = 1_024 * 1_048_576  # /readyz warns
DISK_FREE_MIN_BYTES: Final = FRAME_BYTES_MAX  # less than one batch: /readyz says not ready

# -- Processes -------------------------------------------------------------------------------------
STOP_S: Final = 10.0  # the promise: everything has ended by then
WORKER_KILL_S: Final = 6
CHILD_STOP_S: Final = 1.5
CHILD_START_S: Final = 120.0  # a recorder may have a long log to read back after a crash
PORT_WAIT_S: Final = 5.0
SOCKET_PATH_BYTES_MAX: Final = 107
assert WORKER_KILL_S + 2 * CHILD_STOP_S < STOP_S
