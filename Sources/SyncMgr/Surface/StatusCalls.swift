import CSyncMgr
import CSyncMgrShim

@c @implementation
public func syncmgr_version() -> UnsafePointer<CChar>? { sm_version_text() }

@c @implementation
public func syncmgr_abi_version() -> UInt32 { SYNCMGR_ABI_VERSION }

@c @implementation
public func syncmgr_status_name(_ status: Int32) -> UnsafePointer<CChar>? {
  sm_status_name(status)
}

@c @implementation
public func syncmgr_status_text(_ status: Int32) -> UnsafePointer<CChar>? {
  sm_status_text(status)
}

@c @implementation
public func syncmgr_last_error() -> UnsafePointer<CChar>? { UnsafePointer(sm_error_buffer()) }
