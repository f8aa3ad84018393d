// swift-tools-version:6.0
import PackageDescription

// SYNCMGR_SEAM=1 builds the library in which tests may stop, fail or kill at every step on shared
// memory and at every call to the system. The release build has none of that code.
let seam = Context.environment["SYNCMGR_SEAM"] == "1"

let package = Package(
  name: "syncmgr",
  products: [
    .library(name: "syncmgr", type: .dynamic, targets: ["SyncMgr", "SyncMgrDylib"]),
    .executable(name: "syncmgr-command", targets: ["SyncMgrCommand"]),
  ],
  targets: [
    .systemLibrary(name: "CSyncMgr", path: "include"),
    .target(
      name: "CSyncMgrShim",
      cSettings: seam ? [.define("SYNCMGR_SEAM")] : []),
    .target(
      name: "SyncMgr", dependencies: ["CSyncMgr", "CSyncMgrShim"],
      swiftSettings: [
        // The fast paths call nothing: a frame of their own costs them much and tells nothing.
        .unsafeFlags(["-Xcc", "-momit-leaf-frame-pointer"], .when(configuration: .release))
      ]
        + (seam
          ? [.define("SYNCMGR_SEAM"), .unsafeFlags(["-Xcc", "-DSYNCMGR_SEAM"])] : [])),
    .target(
      name: "SyncMgrDylib", dependencies: ["SyncMgr"], exclude: ["exports.map"],
      linkerSettings: [
        .unsafeFlags([
          "-static-stdlib",
          "-Xlinker", "-soname=libsyncmgr.so.0",
          "-Xlinker",
          "--version-script=\(Context.packageDirectory)/Sources/SyncMgrDylib/exports.map",
          "-Xlinker", "-z", "-Xlinker", "now",
          "-Xlinker", "-z", "-Xlinker", "nodelete",
        ]),
        .unsafeFlags(
          ["-Xlinker", "--no-undefined", "-Xlinker", "--icf=safe"],
          .when(configuration: .release)),
      ]),
    .target(name: "CSyncMgrCommand"),
    // Linked wholly static, the engine as well: the loader would take three times as long over
    // the libraries as everything else that `syncmgr lock` does. Sanitizers cannot be linked so.
    .executableTarget(
      name: "SyncMgrCommand", dependencies: ["CSyncMgr", "CSyncMgrCommand", "SyncMgr"],
      linkerSettings: [.unsafeFlags(["-static-executable"], .when(configuration: .release))]),
    .testTarget(
      name: "SyncMgrTests", dependencies: ["CSyncMgr", "SyncMgr"], path: "Tests/SyncMgrTests"),
  ],
  swiftLanguageModes: [.v6]
)
