import Foundation
import Model

let world = try World(root: FileManager.default.currentDirectoryPath)
let count = 400_000
let program = WorkerProgram(world: world, program: world.root + "/.build/release/lienthong")
let first = try Log(world, 0..<count, .first)
let url = try world.freshDatabase("bench")
let run = try program.work(first, url)
print(run.summary, run.cost.rate)
