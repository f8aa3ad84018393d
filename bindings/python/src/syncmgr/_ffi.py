"""Declarations of libsyncmgr for ctypes.

Made by bindings/generate.py from include/syncmgr.h. Do not edit.
"""

from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char,
    c_char_p,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)

VERSION_MAJOR = 0
VERSION_MINOR = 1
VERSION_PATCH = 0
ABI_VERSION = 1
OK = 0
OWNER_DIED = 1
LEADER = 2
PENDING = 3
FINISHED = 4
FREE = 5
INTERRUPTED = 6
PARTIAL = 7
NOBODY = 8
E_INVALID = -1
E_HANDLE = -2
E_CLOSED = -3
E_FORKED = -4
E_TIMEOUT = -5
E_CANCELLED = -6
E_DEADLOCK = -7
E_NOT_OWNER = -8
E_BROKEN = -9
E_EXISTS = -10
E_NOT_FOUND = -11
E_TYPE = -12
E_MISMATCH = -13
E_NAME = -14
E_OVERFLOW = -15
E_ALREADY = -16
E_NO_SPACE = -17
E_NO_MEMORY = -18
E_LIMIT = -19
E_PERMISSION = -20
E_VERSION = -21
E_CORRUPT = -22
E_SYSTEM = -23
E_UNSUPPORTED = -24
E_BUSY = -25
E_LOST = -26
E_UNKNOWN = -27
E_UNAVAILABLE = -28
E_GAP = -29
E_LATE = -30
E_FAILED = -31
E_RANK = -32
E_PREEMPTED = -33
E_UNSAFE = -34
E_NOT_EXPECTED = -35
E_FULL = -36
E_TOO_LARGE = -37
E_CHANGED = -38
FOREVER = -1
ANY = 4294967295
COUNT_MAX = 1073741823
NAME_MAX = 255
TYPE_MUTEX = 1
TYPE_SEMAPHORE = 2
TYPE_LATCH = 3
TYPE_BARRIER = 4
TYPE_EVENT = 5
TYPE_RWLOCK = 6
TYPE_CONDITION = 7
TYPE_ELECTION = 8
TYPE_SYNC_POINT = 9
TYPE_RESOURCE = 10
TYPE_CHANNEL = 11
TYPE_STORE = 13
TYPE_TARGET = 14
OPEN_ONLY = 1
CREATE_ONLY = 2
PERSISTENT = 4
OPEN_NO_THREADS = 8
OPEN_NO_COUNTERS = 16
MUTEX_RECURSIVE = 1
MUTEX_FAIR = 2
SEMAPHORE_SIGNALLING = 1
SEMAPHORE_FAIR = 2
BARRIER_LEADER_RELEASES = 1
BARRIER_PHASER = 2
EVENT_MANUAL_RESET = 1
EVENT_INITIALLY_SET = 2
SHARED = 0
EXCLUSIVE = 1
RWLOCK_FAIR = 1
RESULT_MAX = 256
LEASE_RENEW = 1
DEADLOCK_AUTO_RESOLVE = 1
VICTIM_YOUNGEST = 0
VICTIM_OLDEST = 1
VICTIM_LOWEST_PRIORITY = 2
VICTIM_FEWEST_LOCKS = 3
VICTIM_REQUESTER = 4
DETECT_WAIT_FOR_GRAPH = 0
DETECT_RESOURCE_ALLOCATION = 1
DETECT_BANKER = 2
DETECT_TIMEOUT = 3
DEADLOCK_ACTUAL = 1
DEADLOCK_POSSIBLE = 2
DEADLOCK_UNSAFE = 3
RESOLUTION_NONE = 0
RESOLUTION_VICTIM = 1
RESOLUTION_BY_HAND = 2
RESOLUTION_ENDED = 3
RELATION_HELD = 1
RELATION_BEHIND = 2
RELATION_TOOK = 3
RELATION_MAY_ASK = 4
RELATION_ABSENT = 5
PREVENT_NOTHING = 0
PREVENT_RANKS = 1
PREVENT_WAIT_DIE = 2
PREVENT_WOUND_WAIT = 3
PREVENT_TIMEOUT = 4
PREVENT_AVOIDANCE = 5
PREVENTION_WATCH_ORDER = 1
SYNC_CONTINUE_ON_TIMEOUT = 1
SYNC_CONTINUE_ON_FAILURE = 2
SYNC_WAIT_FOR_ALL = 4
SYNC_EXPECTED_MAX = 1024
SYNC_WAITING = 0
SYNC_PARTIAL_COMPLETE = 1
SYNC_COMPLETE = 2
SYNC_FAILED = 3
SYNC_TIMED_OUT = 4
SYNC_REQUIRED = 1
SYNC_ARRIVED = 2
SYNC_LATE = 4
SYNC_MEMBER_FAILED = 8
MANY_MAX = 1024
NOTICE_OPENED = 256
NOTICE_CLOSED = 512
NOTICE_DIED = 1024
NOTICE_HOLD_LOST = 2048
NOTICE_GAP = 4096
NOTICE_GRANTED = 8192
NOTICE_RELEASED = 16384
NOTICE_TIMED_OUT = 32768
NOTICE_OWNER_DIED = 65536
NOTICE_BARRIER_TRIPPED = 131072
NOTICE_BARRIER_BROKEN = 262144
NOTICE_SYNC_COMPLETE = 524288
NOTICE_SYNC_PARTIAL = 1048576
NOTICE_SYNC_TIMEOUT = 2097152
NOTICE_DEADLOCK = 4194304
NOTICE_POSSIBLE_DEADLOCK = 8388608
NOTICE_PREEMPTED = 16777216
NOTICE_LEASE_LOST = 33554432
NOTICE_CONFLICT = 67108864
NOTICE_DATA_AVAILABLE = 134217728
NOTICE_RESOURCE_AVAILABLE = 268435456
NOTICE_COMPLETED = 536870912
NOTICE_FAILED = 1073741824
NOTICE_CUSTOM = 2147483648
NOTICE_ALL = 4294967040
PRIORITY_LOW = 0
PRIORITY_MEDIUM = 1
PRIORITY_HIGH = 2
PRIORITY_CRITICAL = 3
TEXT_MAX = 383
DETAIL_MAX = 399
NOTIFICATION_PENDING = 0
NOTIFICATION_DELIVERED = 1
NOTIFICATION_READ = 2
NOTIFICATION_FAILED = 3
NOTIFICATION_EXPIRED = 4
NOTIFY_REQUIRE_ACK = 1
RECIPIENTS_MAX = 16
CHANNEL_QUEUE = 0
CHANNEL_DIRECT = 1
CHANNEL_BROADCAST = 2
CHANNEL_PUBSUB = 3
CHANNEL_MEMORY = 4
OVERFLOW_DEFAULT = 0
OVERFLOW_BLOCK = 1
OVERFLOW_FAIL = 2
OVERFLOW_DROP_OLDEST = 3
OVERFLOW_DROP_NEWEST = 4
CHANNEL_ACKNOWLEDGE = 1
CHANNEL_PRIORITIES = 2
CHANNEL_RETAIN = 4
CAPACITY_MAX = 65536
INLINE_MAX = 65536
TOPIC_MAX = 255
METADATA_MAX = 1023
CHANNEL_DRAIN = 1
SEND_RETAIN = 1
SEND_SELF = 2
SEND_RETURN = 4
MESSAGE_VIEW = 2
MESSAGE_REPLY_WANTED = 4
MESSAGE_RETAINED = 8
MESSAGE_HISTORY = 16
MESSAGE_RETURNED = 32
REJECT_DEAD = 1
READABLE = 1
WRITABLE = 2
CELL_BYTES = 0
CELL_INT64 = 1
CELL_FLOAT64 = 2
CELL_TEXT = 3
CELL_JSON = 4
VERSION_ANY = -1
STORE_INLINE_MAX = 32768
LOG_MIN = 65536
LOG_MAX = 268435456
KEY_MAX = 255
COMMIT_MAX = 65536
CHANGE_CHECK = 1
PUT_QUEUED = 1
REVISION_NOW = -1
RANGE_KEYS = 1
STRATEGY_FIRST_WINS = 0
STRATEGY_LAST_WINS = 1
STRATEGY_PRIORITY_BASED = 2
STRATEGY_MERGE = 3
STRATEGY_CUSTOM = 4
STRATEGY_MANUAL = 5
STRATEGY_ABORT = 6
STRATEGY_VERSION_WINS = 7
STRATEGY_UNION = 8
STRATEGY_MAX = 9
STRATEGY_MIN = 10
CANDIDATES_MAX = 256
JSON_MAX = 16777216
CLOCK_EQUAL = 0
CLOCK_BEFORE = 1
CLOCK_AFTER = 2
CLOCK_CONCURRENT = 3
JSON_UNIQUE = 1
JSON_SORTED = 2
CONFLICT_TYPE_DATA = 0
CONFLICT_TYPE_RESOURCE = 1
CONFLICT_TYPE_TIMING = 2
CONFLICT_TYPE_DEPENDENCY = 3
CONFLICT_TYPE_STATE = 4
CONFLICT_TYPE_PRIORITY = 5
SEVERITY_LOW = 0
SEVERITY_MEDIUM = 1
SEVERITY_HIGH = 2
SEVERITY_CRITICAL = 3
CONFLICT_DETECTED = 0
CONFLICT_ANALYZING = 1
CONFLICT_RESOLVING = 2
CONFLICT_RESOLVED = 3
CONFLICT_UNRESOLVABLE = 4
CONFLICT_IGNORED = 5
CONFLICT_AUTO = 1
CONFLICT_NOTIFY = 2
CONFLICT_OPEN = 7
TRANSACTION_READ_ONLY = 1
TRANSACTION_STRICT = 2
TRANSACTION_OPTIMISTIC = 4
SERIALIZABLE = 0
REPEATABLE_READ = 1
READ_COMMITTED = 2
TRANSACTION_PENDING = 0
TRANSACTION_ACTIVE = 1
TRANSACTION_COMMITTING = 2
TRANSACTION_COMMITTED = 3
TRANSACTION_ROLLING_BACK = 4
TRANSACTION_ROLLED_BACK = 5
TRANSACTION_FAILED = 6
TRANSACTION_TIMED_OUT = 7
OPERATION_READ = 0
OPERATION_WRITE = 1
OPERATION_CREATE = 2
OPERATION_DELETE = 3
OPERATION_LOCK = 4
OPERATION_UNLOCK = 5
OPERATION_CUSTOM = 6
OPERATION_BY_STEPS = 1
OPERATION_TIMEOUT = -2
OPERATION_WAITING = 0
OPERATION_EXECUTING = 1
OPERATION_EXECUTED = 2
OPERATION_FAILED = 3
OPERATION_LATE = 4
OPERATION_UNDOING = 5
OPERATION_UNDONE = 6
OPERATION_UNDO_FAILED = 7
OPERATION_LEFT_OUT = 8
AIM_EXECUTE = 1
AIM_COMMIT = 2
AIM_PREPARE = 3
AIM_ROLLBACK = 4
AIM_ROLLBACK_TO = 5
STEP_DONE = 0
STEP_EXECUTE = 1
STEP_UNDO = 2
STEP_WAIT = 3
STEP_LOCK = 4
STEP_VOTES = 5
STEP_SYNC = 6


class Holder(Structure):
    """syncmgr_holder_t, 280 bytes."""

    _fields_ = (
        ("workstream", c_uint64),
        ("token", c_uint64),
        ("pid", c_int32),
        ("amount", c_uint32),
        ("name", c_char * 256),
    )


class Record(Structure):
    """syncmgr_record_t, 40 bytes."""

    _fields_ = (
        ("ticket", c_uint64),
        ("user_data", c_uint64),
        ("status", c_int32),
        ("kind", c_uint32),
        ("value", c_uint64),
        ("index", c_uint32),
        ("reserved", c_uint32),
    )


class OpenOptions(Structure):
    """syncmgr_open_options_t, 20 bytes."""

    _fields_ = (
        ("size", c_uint32),
        ("flags", c_uint32),
        ("mode", c_uint32),
        ("group", c_uint32),
        ("owner", c_uint32),
    )

    @classmethod
    def defaults(cls):
        """The values of SYNCMGR_OPEN_OPTIONS_INIT."""
        return cls(size=20, flags=0, mode=384, group=4294967295, owner=4294967295)


class MutexOptions(Structure):
    """syncmgr_mutex_options_t, 8 bytes."""

    _fields_ = (
        ("size", c_uint32),
        ("flags", c_uint32),
    )

    @classmethod
    def defaults(cls):
        """The values of SYNCMGR_MUTEX_OPTIONS_INIT."""
        return cls(size=8, flags=0)


class Fastpath(Structure):
    """syncmgr_fastpath_t, 24 bytes."""

    _fields_ = (
        ("word", c_uint64),
        ("grants", c_uint64),
        ("free_value", c_uint32),
        ("my_value", c_uint32),
    )


class SemaphoreOptions(Structure):
    """syncmgr_semaphore_options_t, 8 bytes."""

    _fields_ = (
        ("size", c_uint32),
        ("flags", c_uint32),
    )

    @classmethod
    def defaults(cls):
        """The values of SYNCMGR_SEMAPHORE_OPTIONS_INIT."""
        return cls(size=8, flags=0)


class BarrierOptions(Structure):
    """syncmgr_barrier_options_t, 24 bytes."""

    _fields_ = (
        ("size", c_uint32),
        ("flags", c_uint32),
        ("action", CFUNCTYPE(None, c_void_p)),
        ("user", c_void_p),
    )

    @classmethod
    def defaults(cls):
        """The values of SYNCMGR_BARRIER_OPTIONS_INIT."""
        return cls(size=24, flags=0)


class BarrierInfo(Structure):
    """syncmgr_barrier_info_t, 24 bytes."""

    _fields_ = (
        ("generation", c_uint64),
        ("parties", c_uint32),
        ("arrived", c_uint32),
        ("waiting", c_uint32),
        ("broken", c_uint32),
    )


class EventOptions(Structure):
    """syncmgr_event_options_t, 8 bytes."""

    _fields_ = (
        ("size", c_uint32),
        ("flags", c_uint32),
    )

    @classmethod
    def defaults(cls):
        """The values of SYNCMGR_EVENT_OPTIONS_INIT."""
        return cls(size=8, flags=0)


class RwlockOptions(Structure):
    """syncmgr_rwlock_options_t, 8 bytes."""

    _fields_ = (
        ("size", c_uint32),
        ("flags", c_uint32),
    )

    @classmethod
    def defaults(cls):
        """The values of SYNCMGR_RWLOCK_OPTIONS_INIT."""
        return cls(size=8, flags=0)


class DeadlockOptions(Structure):
    """syncmgr_deadlock_options_t, 40 bytes."""

    _fields_ = (
        ("size", c_uint32),
        ("flags", c_uint32),
        ("victim", c_uint32),
        ("reserved", c_uint32),
        ("delay_ns", c_int64),
        ("interval_ns", c_int64),
        ("limit_ns", c_int64),
    )

    @classmethod
    def defaults(cls):
        """The values of SYNCMGR_DEADLOCK_OPTIONS_INIT."""
        return cls(size=40, flags=1, victim=0, reserved=0, delay_ns=20000000, interval_ns=5000000000, limit_ns=30000000000)


class Deadlock(Structure):
    """syncmgr_deadlock_t, 56 bytes."""

    _fields_ = (
        ("id", c_uint64),
        ("found_ns", c_int64),
        ("resolved_ns", c_int64),
        ("victim", c_uint64),
        ("kind", c_uint32),
        ("algorithm", c_uint32),
        ("policy", c_uint32),
        ("resolution", c_uint32),
        ("members", c_uint32),
        ("workstreams", c_uint32),
    )


class DeadlockMember(Structure):
    """syncmgr_deadlock_member_t, 800 bytes."""

    _fields_ = (
        ("workstream", c_uint64),
        ("holder", c_uint64),
        ("pid", c_int32),
        ("holder_pid", c_int32),
        ("type", c_uint32),
        ("relation", c_uint32),
        ("name", c_char * 256),
        ("object", c_char * 256),
        ("other", c_char * 256),
    )


class DeadlockTotals(Structure):
    """syncmgr_deadlock_totals_t, 24 bytes."""

    _fields_ = (
        ("searches", c_uint64),
        ("found", c_uint64),
        ("resolved", c_uint64),
    )


class PreventionOptions(Structure):
    """syncmgr_prevention_options_t, 32 bytes."""

    _fields_ = (
        ("size", c_uint32),
        ("flags", c_uint32),
        ("strategy", c_uint32),
        ("reserved", c_uint32),
        ("grace_ns", c_int64),
        ("timeout_ns", c_int64),
    )

    @classmethod
    def defaults(cls):
        """The values of SYNCMGR_PREVENTION_OPTIONS_INIT."""
        return cls(size=32, flags=0, strategy=0, reserved=0, grace_ns=100000000, timeout_ns=30000000000)


class SyncPointOptions(Structure):
    """syncmgr_sync_point_options_t, 24 bytes."""

    _fields_ = (
        ("size", c_uint32),
        ("flags", c_uint32),
        ("minimum", c_uint32),
        ("minimum_of", c_uint32),
        ("timeout_ns", c_int64),
    )

    @classmethod
    def defaults(cls):
        """The values of SYNCMGR_SYNC_POINT_OPTIONS_INIT."""
        return cls(size=24, flags=0, minimum=4294967295, minimum_of=0, timeout_ns=-1)


class SyncResult(Structure):
    """syncmgr_sync_result_t, 304 bytes."""

    _fields_ = (
        ("status", c_uint32),
        ("met_minimum", c_uint32),
        ("required_met", c_uint32),
        ("expected", c_uint32),
        ("minimum", c_uint32),
        ("arrived", c_uint32),
        ("missing", c_uint32),
        ("failed", c_uint32),
        ("late", c_uint32),
        ("reserved", c_uint32),
        ("completed_at", c_int64),
        ("reason", c_char * 256),
    )


class SyncMember(Structure):
    """syncmgr_sync_member_t, 272 bytes."""

    _fields_ = (
        ("flags", c_uint32),
        ("order", c_uint32),
        ("at", c_int64),
        ("name", c_char * 256),
    )


class LockItem(Structure):
    """syncmgr_lock_item_t, 16 bytes."""

    _fields_ = (
        ("handle", c_uint64),
        ("amount", c_uint32),
        ("status", c_int32),
    )


class Notice(Structure):
    """syncmgr_notice_t, 1368 bytes."""

    _fields_ = (
        ("sequence", c_uint64),
        ("workstream", c_uint64),
        ("value", c_uint64),
        ("message", c_uint64),
        ("time_ns", c_int64),
        ("wall_ns", c_int64),
        ("user_data", c_uint64),
        ("kind", c_uint32),
        ("pid", c_int32),
        ("priority", c_uint32),
        ("type", c_uint32),
        ("name", c_char * 256),
        ("object", c_char * 256),
        ("text", c_char * 384),
        ("detail", c_char * 400),
    )


class SubscribeOptions(Structure):
    """syncmgr_subscribe_options_t, 32 bytes."""

    _fields_ = (
        ("size", c_uint32),
        ("mask", c_uint32),
        ("least_priority", c_uint32),
        ("reserved", c_uint32),
        ("objects", c_char_p),
        ("workstreams", c_char_p),
    )

    @classmethod
    def defaults(cls):
        """The values of SYNCMGR_SUBSCRIBE_OPTIONS_INIT."""
        return cls(size=32, mask=4294967040, least_priority=0, reserved=0)


class NotifyOptions(Structure):
    """syncmgr_notify_options_t, 24 bytes."""

    _fields_ = (
        ("size", c_uint32),
        ("kind", c_uint32),
        ("priority", c_uint32),
        ("flags", c_uint32),
        ("ttl_ns", c_int64),
    )

    @classmethod
    def defaults(cls):
        """The values of SYNCMGR_NOTIFY_OPTIONS_INIT."""
        return cls(size=24, kind=2147483648, priority=1, flags=0, ttl_ns=-1)


class Recipient(Structure):
    """syncmgr_recipient_t, 272 bytes."""

    _fields_ = (
        ("workstream", c_uint64),
        ("status", c_uint32),
        ("pid", c_int32),
        ("name", c_char * 256),
    )


class ChannelOptions(Structure):
    """syncmgr_channel_options_t, 48 bytes."""

    _fields_ = (
        ("size", c_uint32),
        ("flags", c_uint32),
        ("capacity", c_uint32),
        ("inline_size", c_uint32),
        ("overflow", c_uint32),
        ("history", c_uint32),
        ("max_deliveries", c_uint32),
        ("reserved", c_uint32),
        ("visibility_ns", c_int64),
        ("dead_letters", c_char_p),
    )

    @classmethod
    def defaults(cls):
        """The values of SYNCMGR_CHANNEL_OPTIONS_INIT."""
        return cls(size=48, flags=0, capacity=256, inline_size=256, overflow=0, history=0, max_deliveries=0, reserved=0, visibility_ns=-1)


class SendOptions(Structure):
    """syncmgr_send_options_t, 56 bytes."""

    _fields_ = (
        ("size", c_uint32),
        ("flags", c_uint32),
        ("priority", c_uint32),
        ("reserved", c_uint32),
        ("ttl_ns", c_int64),
        ("correlation", c_uint64),
        ("target", c_char_p),
        ("topic", c_char_p),
        ("metadata", c_char_p),
    )

    @classmethod
    def defaults(cls):
        """The values of SYNCMGR_SEND_OPTIONS_INIT."""
        return cls(size=56, flags=0, priority=1, reserved=0, ttl_ns=-1, correlation=0)


class Message(Structure):
    """syncmgr_message_t, 120 bytes."""

    _fields_ = (
        ("data", POINTER(None)),
        ("length", c_size_t),
        ("sender", c_char_p),
        ("topic", c_char_p),
        ("metadata", c_char_p),
        ("sender_id", c_uint64),
        ("sequence", c_uint64),
        ("correlation", c_uint64),
        ("reply_to", c_uint64),
        ("receipt", c_uint64),
        ("dropped", c_uint64),
        ("wall_ns", c_int64),
        ("ttl_ns", c_int64),
        ("priority", c_uint32),
        ("deliveries", c_uint32),
        ("flags", c_uint32),
        ("reserved", c_uint32),
    )


class Mailbox(Structure):
    """syncmgr_mailbox_t, 312 bytes."""

    _fields_ = (
        ("workstream", c_uint64),
        ("received", c_uint64),
        ("dropped", c_uint64),
        ("expired", c_uint64),
        ("undelivered", c_uint64),
        ("waiting", c_uint32),
        ("taken", c_uint32),
        ("pid", c_int32),
        ("reserved", c_uint32),
        ("name", c_char * 256),
    )


class Cell(Structure):
    """syncmgr_cell_t, 40 bytes."""

    _fields_ = (
        ("key", c_char_p),
        ("data", POINTER(None)),
        ("length", c_size_t),
        ("version", c_uint64),
        ("type", c_uint32),
        ("status", c_int32),
    )


class StoreOptions(Structure):
    """syncmgr_store_options_t, 24 bytes."""

    _fields_ = (
        ("size", c_uint32),
        ("flags", c_uint32),
        ("capacity", c_uint32),
        ("inline_size", c_uint32),
        ("log_size", c_uint64),
    )

    @classmethod
    def defaults(cls):
        """The values of SYNCMGR_STORE_OPTIONS_INIT."""
        return cls(size=24, flags=0, capacity=1024, inline_size=128, log_size=4194304)


class Entry(Structure):
    """syncmgr_entry_t, 72 bytes."""

    _fields_ = (
        ("key", c_char_p),
        ("data", POINTER(None)),
        ("length", c_size_t),
        ("version", c_uint64),
        ("revision", c_uint64),
        ("writer_id", c_uint64),
        ("writer", c_char_p),
        ("wall_ns", c_int64),
        ("type", c_uint32),
        ("status", c_int32),
    )


class Change(Structure):
    """syncmgr_change_t, 48 bytes."""

    _fields_ = (
        ("key", c_char_p),
        ("data", POINTER(None)),
        ("length", c_size_t),
        ("expected", c_uint64),
        ("version", c_uint64),
        ("type", c_uint32),
        ("flags", c_uint32),
    )


class Range(Structure):
    """syncmgr_range_t, 56 bytes."""

    _fields_ = (
        ("size", c_uint32),
        ("flags", c_uint32),
        ("prefix", c_char_p),
        ("glob", c_char_p),
        ("after", c_char_p),
        ("revision", c_uint64),
        ("length", c_size_t),
        ("more", c_uint32),
        ("reserved", c_uint32),
    )

    @classmethod
    def defaults(cls):
        """The values of SYNCMGR_RANGE_INIT."""
        return cls(size=56, flags=0, revision=0, length=0, more=0, reserved=0)


class ConflictOptions(Structure):
    """syncmgr_conflict_options_t, 64 bytes."""

    _fields_ = (
        ("size", c_uint32),
        ("flags", c_uint32),
        ("type", c_uint32),
        ("severity", c_uint32),
        ("strategy", c_uint32),
        ("reserved", c_uint32),
        ("timeout_ns", c_int64),
        ("sync_point", c_char_p),
        ("workstreams", c_char_p),
        ("reason", c_char_p),
        ("data", c_char_p),
    )

    @classmethod
    def defaults(cls):
        """The values of SYNCMGR_CONFLICT_OPTIONS_INIT."""
        return cls(size=64, flags=1, type=0, severity=1, strategy=1, reserved=0, timeout_ns=30000000000)


class ConflictFilter(Structure):
    """syncmgr_conflict_filter_t, 32 bytes."""

    _fields_ = (
        ("size", c_uint32),
        ("types", c_uint32),
        ("statuses", c_uint32),
        ("severities", c_uint32),
        ("sync_point", c_char_p),
        ("workstream", c_char_p),
    )

    @classmethod
    def defaults(cls):
        """The values of SYNCMGR_CONFLICT_FILTER_INIT."""
        return cls(size=32, types=4294967295, statuses=4294967295, severities=4294967295)


class MergeOptions(Structure):
    """syncmgr_merge_options_t, 32 bytes."""

    _fields_ = (
        ("size", c_uint32),
        ("flags", c_uint32),
        ("strategy", c_uint32),
        ("severity", c_uint32),
        ("base", c_char_p),
        ("id", c_char_p),
    )

    @classmethod
    def defaults(cls):
        """The values of SYNCMGR_MERGE_OPTIONS_INIT."""
        return cls(size=32, flags=0, strategy=3, severity=0)


class TransactionOptions(Structure):
    """syncmgr_transaction_options_t, 64 bytes."""

    _fields_ = (
        ("size", c_uint32),
        ("flags", c_uint32),
        ("isolation", c_uint32),
        ("priority", c_int32),
        ("retries", c_uint32),
        ("reserved", c_uint32),
        ("timeout_ns", c_int64),
        ("operation_timeout_ns", c_int64),
        ("retry_delay_ns", c_int64),
        ("workstreams", c_char_p),
        ("metadata", c_char_p),
    )

    @classmethod
    def defaults(cls):
        """The values of SYNCMGR_TRANSACTION_OPTIONS_INIT."""
        return cls(size=64, flags=0, isolation=0, priority=0, retries=10, reserved=0, timeout_ns=-1, operation_timeout_ns=-1, retry_delay_ns=1000000)


class Target(Structure):
    """syncmgr_target_t, 16 bytes."""

    _fields_ = (
        ("name", c_char_p),
        ("mode", c_uint32),
        ("reserved", c_uint32),
    )


class TransactionInfo(Structure):
    """syncmgr_transaction_info_t, 72 bytes."""

    _fields_ = (
        ("id", c_uint64),
        ("status", c_uint32),
        ("flags", c_uint32),
        ("isolation", c_uint32),
        ("operations", c_uint32),
        ("executed", c_uint32),
        ("reads", c_uint32),
        ("writes", c_uint32),
        ("locks", c_uint32),
        ("is_part", c_uint32),
        ("outcome", c_int32),
        ("revision", c_uint64),
        ("began_ns", c_int64),
        ("remaining_ns", c_int64),
    )


class Operation(Structure):
    """syncmgr_operation_t, 112 bytes."""


Operation._fields_ = (
    ("size", c_uint32),
    ("type", c_uint32),
    ("flags", c_uint32),
    ("data_type", c_uint32),
    ("name", c_char_p),
    ("id", c_char_p),
    ("target", c_char_p),
    ("parameters", c_char_p),
    ("data", POINTER(None)),
    ("length", c_size_t),
    ("timeout_ns", c_int64),
    ("execute", CFUNCTYPE(c_int32, POINTER(Operation), c_void_p)),
    ("undo", CFUNCTYPE(c_int32, POINTER(Operation), c_void_p)),
    ("user", c_void_p),
    ("transaction", c_void_p),
    ("index", c_uint32),
    ("reserved", c_uint32),
)


class Step(Structure):
    """syncmgr_step_t, 32 bytes."""

    _fields_ = (
        ("kind", c_uint32),
        ("index", c_uint32),
        ("mode", c_uint32),
        ("status", c_int32),
        ("revision", c_uint64),
        ("timeout_ns", c_int64),
    )


class TransactionFilter(Structure):
    """syncmgr_transaction_filter_t, 16 bytes."""

    _fields_ = (
        ("size", c_uint32),
        ("statuses", c_uint32),
        ("workstream", c_char_p),
    )

    @classmethod
    def defaults(cls):
        """The values of SYNCMGR_TRANSACTION_FILTER_INIT."""
        return cls(size=16, statuses=255)


class Handler(Structure):
    """syncmgr_handler_t, 48 bytes."""

    _fields_ = (
        ("size", c_uint32),
        ("flags", c_uint32),
        ("name", c_char_p),
        ("execute", CFUNCTYPE(c_int32, POINTER(Operation), c_void_p)),
        ("undo", CFUNCTYPE(c_int32, POINTER(Operation), c_void_p)),
        ("user", c_void_p),
        ("destroy", CFUNCTYPE(None, c_void_p)),
    )

    @classmethod
    def defaults(cls):
        """The values of SYNCMGR_HANDLER_INIT."""
        return cls(size=48, flags=0)


class StoreInfo(Structure):
    """syncmgr_store_info_t, 56 bytes."""

    _fields_ = (
        ("size", c_uint32),
        ("entries", c_uint32),
        ("revision", c_uint64),
        ("durable", c_uint64),
        ("oldest", c_uint64),
        ("log_used", c_uint64),
        ("log_size", c_uint64),
        ("has_file", c_uint32),
        ("reserved", c_uint32),
    )

    @classmethod
    def defaults(cls):
        """The values of SYNCMGR_STORE_INFO_INIT."""
        return cls(size=56, entries=0, revision=0, durable=0, oldest=0, log_used=0, log_size=0, has_file=0, reserved=0)


# Result and arguments of each function.
PROTOTYPES = {
    "syncmgr_version": (c_char_p, ()),
    "syncmgr_abi_version": (c_uint32, ()),
    "syncmgr_status_name": (c_char_p, (c_int32,)),
    "syncmgr_status_text": (c_char_p, (c_int32,)),
    "syncmgr_last_error": (c_char_p, ()),
    "syncmgr_open": (c_int32, (c_char_p, POINTER(OpenOptions), POINTER(c_void_p))),
    "syncmgr_close": (c_int32, (c_void_p,)),
    "syncmgr_url": (c_int32, (c_void_p, c_char_p, c_size_t, POINTER(c_size_t))),
    "syncmgr_unlink": (c_int32, (c_char_p,)),
    "syncmgr_cleanup": (c_int32, (c_void_p, POINTER(c_uint32))),
    "syncmgr_check": (c_int32, (c_void_p,)),
    "syncmgr_object_remove": (c_int32, (c_void_p, c_uint32, c_char_p)),
    "syncmgr_workstream_open": (c_int32, (c_void_p, c_char_p, POINTER(c_void_p))),
    "syncmgr_workstream_close": (c_int32, (c_void_p,)),
    "syncmgr_workstream_name": (c_int32, (c_void_p, c_char_p, c_size_t)),
    "syncmgr_workstream_id": (c_int32, (c_void_p, POINTER(c_uint64))),
    "syncmgr_queue_open": (c_int32, (c_void_p, c_uint32, c_int32, POINTER(c_void_p))),
    "syncmgr_queue_close": (c_int32, (c_void_p,)),
    "syncmgr_queue_fd": (c_int32, (c_void_p, POINTER(c_int32))),
    "syncmgr_queue_drain": (c_int32, (c_void_p, POINTER(Record), c_uint32, POINTER(c_uint32))),
    "syncmgr_ticket_wait": (c_int32, (c_void_p, c_int64, POINTER(Record))),
    "syncmgr_ticket_cancel": (c_int32, (c_void_p,)),
    "syncmgr_mutex_open": (c_int32, (c_void_p, c_char_p, POINTER(MutexOptions), POINTER(c_void_p))),
    "syncmgr_mutex_close": (c_int32, (c_void_p,)),
    "syncmgr_mutex_lock": (c_int32, (c_void_p, c_int64)),
    "syncmgr_mutex_lock_start": (c_int32, (
        c_void_p,
        c_int64,
        c_void_p,
        c_uint64,
        POINTER(c_void_p),
    )),
    "syncmgr_mutex_unlock": (c_int32, (c_void_p,)),
    "syncmgr_mutex_token": (c_int32, (c_void_p, POINTER(c_uint64))),
    "syncmgr_mutex_is_valid": (c_int32, (c_void_p, c_uint64)),
    "syncmgr_mutex_held_by": (c_int32, (c_void_p, POINTER(Holder))),
    "syncmgr_mutex_previous_owner": (c_int32, (c_void_p, POINTER(Holder))),
    "syncmgr_mutex_force_release": (c_int32, (c_void_p,)),
    "syncmgr_mutex_fastpath": (c_int32, (c_void_p, POINTER(Fastpath))),
    "syncmgr_semaphore_open": (c_int32, (
        c_void_p,
        c_char_p,
        c_uint32,
        POINTER(SemaphoreOptions),
        POINTER(c_void_p),
    )),
    "syncmgr_semaphore_close": (c_int32, (c_void_p,)),
    "syncmgr_semaphore_acquire": (c_int32, (c_void_p, c_uint32, c_int64)),
    "syncmgr_semaphore_acquire_start": (c_int32, (
        c_void_p,
        c_uint32,
        c_int64,
        c_void_p,
        c_uint64,
        POINTER(c_void_p),
    )),
    "syncmgr_semaphore_release": (c_int32, (c_void_p, c_uint32)),
    "syncmgr_semaphore_available": (c_int32, (c_void_p, POINTER(c_uint32))),
    "syncmgr_semaphore_held": (c_int32, (c_void_p, POINTER(c_uint32))),
    "syncmgr_semaphore_holders": (c_int32, (
        c_void_p,
        POINTER(Holder),
        c_uint32,
        POINTER(c_uint32),
    )),
    "syncmgr_latch_open": (c_int32, (c_void_p, c_char_p, c_uint32, POINTER(c_void_p))),
    "syncmgr_latch_close": (c_int32, (c_void_p,)),
    "syncmgr_latch_count_down": (c_int32, (c_void_p, c_uint32, POINTER(c_uint32))),
    "syncmgr_latch_wait": (c_int32, (c_void_p, c_int64)),
    "syncmgr_latch_wait_start": (c_int32, (
        c_void_p,
        c_int64,
        c_void_p,
        c_uint64,
        POINTER(c_void_p),
    )),
    "syncmgr_latch_count": (c_int32, (c_void_p, POINTER(c_uint32))),
    "syncmgr_barrier_open": (c_int32, (
        c_void_p,
        c_char_p,
        c_uint32,
        POINTER(BarrierOptions),
        POINTER(c_void_p),
    )),
    "syncmgr_barrier_close": (c_int32, (c_void_p,)),
    "syncmgr_barrier_wait": (c_int32, (c_void_p, c_int64, POINTER(c_uint64), POINTER(c_uint32))),
    "syncmgr_barrier_wait_start": (c_int32, (
        c_void_p,
        c_int64,
        c_void_p,
        c_uint64,
        POINTER(c_void_p),
        POINTER(Record),
    )),
    "syncmgr_barrier_arrive": (c_int32, (c_void_p, POINTER(c_uint64))),
    "syncmgr_barrier_release": (c_int32, (c_void_p,)),
    "syncmgr_barrier_abort": (c_int32, (c_void_p,)),
    "syncmgr_barrier_reset": (c_int32, (c_void_p,)),
    "syncmgr_barrier_join": (c_int32, (c_void_p,)),
    "syncmgr_barrier_leave": (c_int32, (c_void_p,)),
    "syncmgr_barrier_state": (c_int32, (c_void_p, POINTER(BarrierInfo))),
    "syncmgr_event_open": (c_int32, (c_void_p, c_char_p, POINTER(EventOptions), POINTER(c_void_p))),
    "syncmgr_event_close": (c_int32, (c_void_p,)),
    "syncmgr_event_set": (c_int32, (c_void_p,)),
    "syncmgr_event_reset": (c_int32, (c_void_p,)),
    "syncmgr_event_wait": (c_int32, (c_void_p, c_int64)),
    "syncmgr_event_wait_start": (c_int32, (
        c_void_p,
        c_int64,
        c_void_p,
        c_uint64,
        POINTER(c_void_p),
    )),
    "syncmgr_event_is_set": (c_int32, (c_void_p, POINTER(c_uint32))),
    "syncmgr_rwlock_open": (c_int32, (
        c_void_p,
        c_char_p,
        POINTER(RwlockOptions),
        POINTER(c_void_p),
    )),
    "syncmgr_rwlock_close": (c_int32, (c_void_p,)),
    "syncmgr_rwlock_lock": (c_int32, (c_void_p, c_uint32, c_int64)),
    "syncmgr_rwlock_lock_start": (c_int32, (
        c_void_p,
        c_uint32,
        c_int64,
        c_void_p,
        c_uint64,
        POINTER(c_void_p),
    )),
    "syncmgr_rwlock_unlock": (c_int32, (c_void_p,)),
    "syncmgr_rwlock_upgrade": (c_int32, (c_void_p, c_int64)),
    "syncmgr_rwlock_upgrade_start": (c_int32, (
        c_void_p,
        c_int64,
        c_void_p,
        c_uint64,
        POINTER(c_void_p),
    )),
    "syncmgr_rwlock_downgrade": (c_int32, (c_void_p,)),
    "syncmgr_rwlock_token": (c_int32, (c_void_p, POINTER(c_uint64))),
    "syncmgr_rwlock_is_valid": (c_int32, (c_void_p, c_uint64)),
    "syncmgr_rwlock_holders": (c_int32, (c_void_p, POINTER(Holder), c_uint32, POINTER(c_uint32))),
    "syncmgr_rwlock_previous_owner": (c_int32, (c_void_p, POINTER(Holder))),
    "syncmgr_rwlock_force_release": (c_int32, (c_void_p,)),
    "syncmgr_condition_open": (c_int32, (c_void_p, c_char_p, POINTER(c_void_p))),
    "syncmgr_condition_close": (c_int32, (c_void_p,)),
    "syncmgr_condition_wait": (c_int32, (c_void_p, c_void_p, c_int64)),
    "syncmgr_condition_wait_start": (c_int32, (
        c_void_p,
        c_void_p,
        c_int64,
        c_void_p,
        c_uint64,
        POINTER(c_void_p),
    )),
    "syncmgr_condition_signal": (c_int32, (c_void_p, c_uint32, POINTER(c_uint32))),
    "syncmgr_condition_broadcast": (c_int32, (c_void_p, POINTER(c_uint32))),
    "syncmgr_condition_waiting": (c_int32, (c_void_p, POINTER(c_uint32))),
    "syncmgr_election_open": (c_int32, (c_void_p, c_char_p, POINTER(c_void_p))),
    "syncmgr_election_close": (c_int32, (c_void_p,)),
    "syncmgr_election_campaign": (c_int32, (c_void_p, c_int64, POINTER(c_uint64))),
    "syncmgr_election_campaign_start": (c_int32, (
        c_void_p,
        c_int64,
        c_void_p,
        c_uint64,
        POINTER(c_void_p),
        POINTER(Record),
    )),
    "syncmgr_election_resign": (c_int32, (c_void_p,)),
    "syncmgr_election_finish": (c_int32, (c_void_p, POINTER(None), c_size_t)),
    "syncmgr_election_result": (c_int32, (c_void_p, c_void_p, c_size_t, POINTER(c_size_t))),
    "syncmgr_election_reset": (c_int32, (c_void_p,)),
    "syncmgr_election_leader": (c_int32, (c_void_p, POINTER(Holder))),
    "syncmgr_election_is_valid": (c_int32, (c_void_p, c_uint64)),
    "syncmgr_election_force_release": (c_int32, (c_void_p,)),
    "syncmgr_lease_set": (c_int32, (c_void_p, c_int64, c_uint32)),
    "syncmgr_lease_renew": (c_int32, (c_void_p,)),
    "syncmgr_lease_remaining": (c_int32, (c_void_p, POINTER(c_int64))),
    "syncmgr_deadlock_configure": (c_int32, (c_void_p, POINTER(DeadlockOptions))),
    "syncmgr_deadlock_detect": (c_int32, (c_void_p, c_uint32, POINTER(c_uint32))),
    "syncmgr_deadlock_list": (c_int32, (c_void_p, POINTER(Deadlock), c_uint32, POINTER(c_uint32))),
    "syncmgr_deadlock_members": (c_int32, (
        c_void_p,
        c_uint64,
        POINTER(DeadlockMember),
        c_uint32,
        POINTER(c_uint32),
    )),
    "syncmgr_deadlock_text": (c_int32, (c_void_p, c_uint64, c_char_p, c_size_t, POINTER(c_size_t))),
    "syncmgr_deadlock_resolve": (c_int32, (c_void_p, c_uint64, c_uint32)),
    "syncmgr_deadlock_clear": (c_int32, (c_void_p, POINTER(c_uint32))),
    "syncmgr_deadlock_counts": (c_int32, (c_void_p, POINTER(DeadlockTotals))),
    "syncmgr_workstream_set_priority": (c_int32, (c_void_p, c_int32)),
    "syncmgr_prevention_configure": (c_int32, (c_void_p, POINTER(PreventionOptions))),
    "syncmgr_object_set_rank": (c_int32, (c_void_p, c_uint32, c_char_p, c_uint32)),
    "syncmgr_resource_open": (c_int32, (c_void_p, c_char_p, c_uint32, POINTER(c_void_p))),
    "syncmgr_resource_close": (c_int32, (c_void_p,)),
    "syncmgr_resource_declare": (c_int32, (c_void_p, c_uint32)),
    "syncmgr_resource_request": (c_int32, (c_void_p, c_uint32)),
    "syncmgr_resource_allocate": (c_int32, (c_void_p, c_uint32)),
    "syncmgr_resource_release": (c_int32, (c_void_p, c_uint32)),
    "syncmgr_resource_cancel": (c_int32, (c_void_p,)),
    "syncmgr_resource_available": (c_int32, (c_void_p, POINTER(c_uint32))),
    "syncmgr_resource_holders": (c_int32, (c_void_p, POINTER(Holder), c_uint32, POINTER(c_uint32))),
    "syncmgr_snapshot_json": (c_int32, (c_void_p, c_uint32, c_char_p, c_size_t, POINTER(c_size_t))),
    "syncmgr_sync_point_open": (c_int32, (
        c_void_p,
        c_char_p,
        c_char_p,
        c_char_p,
        POINTER(SyncPointOptions),
        POINTER(c_void_p),
    )),
    "syncmgr_sync_point_close": (c_int32, (c_void_p,)),
    "syncmgr_sync_point_wait": (c_int32, (c_void_p, c_int64, POINTER(SyncResult))),
    "syncmgr_sync_point_wait_start": (c_int32, (
        c_void_p,
        c_int64,
        c_void_p,
        c_uint64,
        POINTER(c_void_p),
        POINTER(Record),
    )),
    "syncmgr_sync_point_force_complete": (c_int32, (c_void_p,)),
    "syncmgr_sync_point_cancel": (c_int32, (c_void_p, c_char_p)),
    "syncmgr_sync_point_fail": (c_int32, (c_void_p, c_char_p)),
    "syncmgr_sync_point_result": (c_int32, (c_void_p, POINTER(SyncResult))),
    "syncmgr_sync_point_members": (c_int32, (
        c_void_p,
        POINTER(SyncMember),
        c_uint32,
        POINTER(c_uint32),
    )),
    "syncmgr_lock_many": (c_int32, (POINTER(LockItem), c_uint32, c_int64)),
    "syncmgr_lock_many_start": (c_int32, (
        POINTER(LockItem),
        c_uint32,
        c_int64,
        c_void_p,
        c_uint64,
        POINTER(c_void_p),
    )),
    "syncmgr_unlock_many": (c_int32, (POINTER(LockItem), c_uint32)),
    "syncmgr_lock_many_order": (c_int32, (POINTER(LockItem), c_uint32)),
    "syncmgr_lock_many_undo": (c_int32, (POINTER(LockItem), c_uint32)),
    "syncmgr_subscribe": (c_int32, (
        c_void_p,
        POINTER(SubscribeOptions),
        CFUNCTYPE(None, POINTER(Notice), c_void_p),
        c_void_p,
        CFUNCTYPE(None, c_void_p),
        POINTER(c_void_p),
    )),
    "syncmgr_on": (c_int32, (
        c_void_p,
        c_uint32,
        CFUNCTYPE(None, POINTER(Notice), c_void_p),
        c_void_p,
        CFUNCTYPE(None, c_void_p),
        POINTER(c_void_p),
    )),
    "syncmgr_off": (c_int32, (c_void_p,)),
    "syncmgr_dispatch": (c_int32, (c_void_p, c_int64)),
    "syncmgr_queue_watch": (c_int32, (c_void_p, c_uint32, c_uint64)),
    "syncmgr_queue_filter": (c_int32, (c_void_p, c_uint32, c_char_p, c_char_p)),
    "syncmgr_queue_notices": (c_int32, (c_void_p, POINTER(Notice), c_uint32, POINTER(c_uint32))),
    "syncmgr_workstream_complete": (c_int32, (c_void_p, c_char_p)),
    "syncmgr_workstream_fail": (c_int32, (c_void_p, c_char_p)),
    "syncmgr_notify": (c_int32, (
        c_void_p,
        c_char_p,
        POINTER(NotifyOptions),
        c_char_p,
        c_char_p,
        POINTER(c_uint64),
    )),
    "syncmgr_inbox_next": (c_int32, (c_void_p, c_int64, POINTER(Notice))),
    "syncmgr_inbox_next_start": (c_int32, (
        c_void_p,
        c_int64,
        c_void_p,
        c_uint64,
        POINTER(c_void_p),
        POINTER(Notice),
    )),
    "syncmgr_notification_read": (c_int32, (c_void_p, c_uint64)),
    "syncmgr_notification_status": (c_int32, (
        c_void_p,
        c_uint64,
        POINTER(Recipient),
        c_uint32,
        POINTER(c_uint32),
    )),
    "syncmgr_channel_open": (c_int32, (
        c_void_p,
        c_char_p,
        c_uint32,
        POINTER(ChannelOptions),
        POINTER(c_void_p),
    )),
    "syncmgr_channel_close": (c_int32, (c_void_p,)),
    "syncmgr_channel_shut": (c_int32, (c_void_p, c_uint32)),
    "syncmgr_channel_subscribe": (c_int32, (c_void_p, c_char_p, c_uint32)),
    "syncmgr_channel_unsubscribe": (c_int32, (c_void_p, c_char_p)),
    "syncmgr_channel_send": (c_int32, (
        c_void_p,
        POINTER(None),
        c_size_t,
        POINTER(SendOptions),
        c_int64,
        POINTER(c_uint32),
    )),
    "syncmgr_channel_send_many": (c_int32, (
        c_void_p,
        POINTER(None),
        POINTER(c_uint32),
        POINTER(c_uint32),
        POINTER(SendOptions),
        c_int64,
    )),
    "syncmgr_channel_room": (c_int32, (c_void_p, POINTER(SendOptions), POINTER(c_uint64))),
    "syncmgr_channel_recv": (c_int32, (c_void_p, c_void_p, c_size_t, c_int64, POINTER(Message))),
    "syncmgr_channel_recv_many": (c_int32, (
        c_void_p,
        c_void_p,
        c_size_t,
        POINTER(Message),
        c_uint32,
        POINTER(c_uint32),
    )),
    "syncmgr_channel_on": (c_int32, (
        c_void_p,
        CFUNCTYPE(None, POINTER(Message), c_void_p),
        c_void_p,
        CFUNCTYPE(None, c_void_p),
        POINTER(c_void_p),
    )),
    "syncmgr_channel_view": (c_int32, (c_void_p, c_int64, POINTER(Message))),
    "syncmgr_message_acknowledge": (c_int32, (c_void_p, c_uint64)),
    "syncmgr_message_reject": (c_int32, (c_void_p, c_uint64, c_uint32, c_char_p)),
    "syncmgr_channel_wait": (c_int32, (c_void_p, c_uint64, c_int64)),
    "syncmgr_channel_wait_start": (c_int32, (
        c_void_p,
        c_uint64,
        c_int64,
        c_void_p,
        c_uint64,
        POINTER(c_void_p),
    )),
    "syncmgr_channel_request": (c_int32, (
        c_void_p,
        POINTER(None),
        c_size_t,
        POINTER(SendOptions),
        c_int64,
        POINTER(c_uint64),
    )),
    "syncmgr_channel_response": (c_int32, (
        c_void_p,
        c_uint64,
        c_void_p,
        c_size_t,
        c_int64,
        POINTER(Message),
    )),
    "syncmgr_channel_forget": (c_int32, (c_void_p, c_uint64)),
    "syncmgr_channel_reply": (c_int32, (
        c_void_p,
        c_uint64,
        POINTER(None),
        c_size_t,
        POINTER(SendOptions),
    )),
    "syncmgr_channel_loan": (c_int32, (c_void_p, c_size_t, POINTER(c_void_p))),
    "syncmgr_channel_publish": (c_int32, (
        c_void_p,
        c_void_p,
        c_size_t,
        POINTER(SendOptions),
        c_int64,
        POINTER(c_uint32),
    )),
    "syncmgr_channel_loan_return": (c_int32, (c_void_p, c_void_p)),
    "syncmgr_channel_mailboxes": (c_int32, (
        c_void_p,
        POINTER(Mailbox),
        c_uint32,
        POINTER(c_uint32),
    )),
    "syncmgr_channel_set": (c_int32, (c_void_p, POINTER(Cell), c_uint64, POINTER(c_uint64))),
    "syncmgr_channel_get": (c_int32, (
        c_void_p,
        POINTER(Cell),
        c_uint32,
        c_void_p,
        c_size_t,
        POINTER(c_size_t),
    )),
    "syncmgr_channel_changed": (c_int32, (
        c_void_p,
        c_char_p,
        c_uint64,
        c_int64,
        POINTER(c_uint64),
    )),
    "syncmgr_channel_changed_start": (c_int32, (
        c_void_p,
        POINTER(Cell),
        c_int64,
        c_void_p,
        c_uint64,
        POINTER(c_void_p),
    )),
    "syncmgr_channel_region": (c_int32, (c_void_p, c_char_p, c_size_t, POINTER(c_void_p))),
    "syncmgr_store_open": (c_int32, (c_void_p, POINTER(StoreOptions), POINTER(c_void_p))),
    "syncmgr_store_close": (c_int32, (c_void_p,)),
    "syncmgr_store_get": (c_int32, (
        c_void_p,
        POINTER(Entry),
        c_uint32,
        c_void_p,
        c_size_t,
        POINTER(c_size_t),
    )),
    "syncmgr_store_put": (c_int32, (c_void_p, POINTER(Change), c_uint32, POINTER(c_uint64))),
    "syncmgr_store_commit": (c_int32, (
        c_void_p,
        POINTER(Change),
        c_uint32,
        c_uint32,
        c_int64,
        POINTER(c_uint64),
    )),
    "syncmgr_store_sync": (c_int32, (c_void_p, c_uint64, c_int64)),
    "syncmgr_store_sync_start": (c_int32, (
        c_void_p,
        c_uint64,
        c_int64,
        c_void_p,
        c_uint64,
        POINTER(c_void_p),
    )),
    "syncmgr_store_range": (c_int32, (
        c_void_p,
        POINTER(Range),
        POINTER(Entry),
        POINTER(c_uint32),
        c_void_p,
        c_size_t,
    )),
    "syncmgr_resolve": (c_int32, (c_uint32, c_char_p, c_char_p, c_size_t, POINTER(c_size_t))),
    "syncmgr_clock_compare": (c_int32, (c_char_p, c_char_p, POINTER(c_uint32))),
    "syncmgr_clock_merge": (c_int32, (
        c_char_p,
        c_char_p,
        c_char_p,
        c_char_p,
        c_size_t,
        POINTER(c_size_t),
    )),
    "syncmgr_json_format": (c_int32, (
        c_char_p,
        c_size_t,
        c_uint32,
        c_char_p,
        c_size_t,
        POINTER(c_size_t),
    )),
    "syncmgr_conflict_detect": (c_int32, (c_void_p, POINTER(ConflictOptions), POINTER(c_uint64))),
    "syncmgr_conflict_get": (c_int32, (c_void_p, c_uint64, c_char_p, c_size_t, POINTER(c_size_t))),
    "syncmgr_conflict_list": (c_int32, (
        c_void_p,
        POINTER(ConflictFilter),
        c_char_p,
        c_size_t,
        POINTER(c_size_t),
    )),
    "syncmgr_conflict_resolve": (c_int32, (c_void_p, c_uint64, c_uint32, c_char_p, c_char_p)),
    "syncmgr_conflict_claim": (c_int32, (c_void_p, c_uint64)),
    "syncmgr_conflict_settle": (c_int32, (c_void_p, c_uint64, c_char_p)),
    "syncmgr_conflict_release": (c_int32, (c_void_p, c_uint64)),
    "syncmgr_conflict_ignore": (c_int32, (c_void_p, c_uint64, c_char_p)),
    "syncmgr_conflict_clear": (c_int32, (c_void_p, POINTER(c_uint32))),
    "syncmgr_conflict_wait": (c_int32, (c_void_p, c_uint64, c_int64, POINTER(c_uint32))),
    "syncmgr_conflict_wait_start": (c_int32, (
        c_void_p,
        c_uint64,
        c_int64,
        c_void_p,
        c_uint64,
        POINTER(c_void_p),
    )),
    "syncmgr_conflict_on": (c_int32, (
        c_void_p,
        c_uint32,
        CFUNCTYPE(c_int32, c_uint64, c_char_p, c_void_p),
        c_void_p,
        CFUNCTYPE(None, c_void_p),
        POINTER(c_void_p),
    )),
    "syncmgr_store_merge": (c_int32, (
        c_void_p,
        POINTER(Change),
        POINTER(MergeOptions),
        c_char_p,
        c_size_t,
        POINTER(c_size_t),
    )),
    "syncmgr_transaction_begin": (c_int32, (
        c_void_p,
        POINTER(TransactionOptions),
        POINTER(c_void_p),
    )),
    "syncmgr_transaction_close": (c_int32, (c_void_p,)),
    "syncmgr_transaction_get": (c_int32, (
        c_void_p,
        POINTER(Entry),
        c_uint32,
        c_void_p,
        c_size_t,
        POINTER(c_size_t),
    )),
    "syncmgr_transaction_put": (c_int32, (c_void_p, POINTER(Change))),
    "syncmgr_transaction_range": (c_int32, (
        c_void_p,
        POINTER(Range),
        POINTER(Entry),
        POINTER(c_uint32),
        c_void_p,
        c_size_t,
    )),
    "syncmgr_transaction_lock": (c_int32, (c_void_p, c_char_p, c_uint32, c_int64)),
    "syncmgr_transaction_lock_start": (c_int32, (
        c_void_p,
        POINTER(Target),
        c_int64,
        c_void_p,
        c_uint64,
        POINTER(c_void_p),
    )),
    "syncmgr_transaction_unlock": (c_int32, (c_void_p, c_char_p)),
    "syncmgr_transaction_savepoint": (c_int32, (c_void_p, c_char_p)),
    "syncmgr_transaction_rollback_to": (c_int32, (c_void_p, c_char_p)),
    "syncmgr_transaction_commit": (c_int32, (c_void_p, c_uint32, c_int64, POINTER(c_uint64))),
    "syncmgr_transaction_rollback": (c_int32, (c_void_p,)),
    "syncmgr_transaction_info": (c_int32, (c_void_p, POINTER(TransactionInfo))),
    "syncmgr_transaction_run": (c_int32, (
        c_void_p,
        POINTER(TransactionOptions),
        CFUNCTYPE(c_int32, c_void_p, c_void_p),
        c_void_p,
        POINTER(c_uint64),
    )),
    "syncmgr_transaction_add": (c_int32, (c_void_p, POINTER(Operation), POINTER(c_uint32))),
    "syncmgr_transaction_execute": (c_int32, (c_void_p,)),
    "syncmgr_transaction_operation": (c_int32, (
        c_void_p,
        c_uint32,
        POINTER(Operation),
        c_void_p,
        c_size_t,
        POINTER(c_size_t),
    )),
    "syncmgr_transaction_result": (c_int32, (
        c_void_p,
        c_uint32,
        POINTER(c_uint32),
        c_void_p,
        c_size_t,
        POINTER(c_size_t),
    )),
    "syncmgr_transaction_set_result": (c_int32, (c_void_p, c_uint32, POINTER(None), c_size_t)),
    "syncmgr_transaction_aim": (c_int32, (c_void_p, c_uint32, c_char_p)),
    "syncmgr_transaction_step": (c_int32, (c_void_p, POINTER(Step))),
    "syncmgr_transaction_report": (c_int32, (c_void_p, c_uint32, c_int32, POINTER(None), c_size_t)),
    "syncmgr_transaction_join": (c_int32, (c_void_p, c_uint64, POINTER(c_void_p))),
    "syncmgr_transaction_prepare": (c_int32, (c_void_p,)),
    "syncmgr_transaction_wait": (c_int32, (c_void_p, c_int64)),
    "syncmgr_transaction_list": (c_int32, (
        c_void_p,
        POINTER(TransactionFilter),
        c_char_p,
        c_size_t,
        POINTER(c_size_t),
    )),
    "syncmgr_transaction_show": (c_int32, (
        c_void_p,
        c_uint64,
        c_char_p,
        c_size_t,
        POINTER(c_size_t),
    )),
    "syncmgr_transaction_clear": (c_int32, (c_void_p, c_int64, POINTER(c_uint32))),
    "syncmgr_transaction_handler": (c_int32, (c_void_p, POINTER(Handler), POINTER(c_void_p))),
    "syncmgr_transaction_recover": (c_int32, (c_void_p, c_char_p, c_size_t, POINTER(c_size_t))),
    "syncmgr_transaction_adopt": (c_int32, (c_void_p, POINTER(c_void_p))),
    "syncmgr_store_validator": (c_int32, (
        c_void_p,
        c_char_p,
        CFUNCTYPE(c_int32, POINTER(Entry), c_void_p),
        c_void_p,
        CFUNCTYPE(None, c_void_p),
        POINTER(c_void_p),
    )),
    "syncmgr_store_constraint": (c_int32, (c_void_p, c_char_p, c_char_p, c_uint32)),
    "syncmgr_store_changes": (c_int32, (
        c_void_p,
        POINTER(Range),
        POINTER(Entry),
        POINTER(c_uint32),
        c_void_p,
        c_size_t,
    )),
    "syncmgr_store_wait": (c_int32, (c_void_p, c_char_p, c_uint64, c_int64, POINTER(c_uint64))),
    "syncmgr_store_wait_start": (c_int32, (
        c_void_p,
        POINTER(Entry),
        c_int64,
        c_void_p,
        c_uint64,
        POINTER(c_void_p),
    )),
    "syncmgr_store_state": (c_int32, (c_void_p, POINTER(StoreInfo))),
}


def declare(library):
    """Gives every function of `library` its argument and result types; returns the library."""
    for name, (result, arguments) in PROTOTYPES.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library
