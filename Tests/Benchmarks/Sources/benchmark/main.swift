import Foundation
import Model
import Postgres

let world = try World(root: FileManager.default.currentDirectoryPath)
let count = 200_000
let program = WorkerProgram(world: world, program: world.root + "/.build/release/lienthong")
let first = try Log(world, 0..<count, .first)
let second = try Log(world, 0..<count, .second)
let url = try world.freshDatabase("bench")
_ = try program.work(first, url)
let c = try PostgresConnection(url, applicationName: "x")
try c.execute("ALTER DATABASE bench SET session_preload_libraries = 'auto_explain'; ALTER DATABASE bench SET auto_explain.log_min_duration = 30; ALTER DATABASE bench SET auto_explain.log_analyze = on;ALTER DATABASE bench SET auto_explain.log_timing = on; ALTER DATABASE bench SET auto_explain.log_buffers = on")
for log in [second, first] {
try world.forgetPositions(url)
let run = try program.work(log, url)
print(run.summary, run.cost.rate)
}
try FileManager.default.copyItem(atPath: world.cluster.folder + "/server.log", toPath: "/tmp/server.log")
