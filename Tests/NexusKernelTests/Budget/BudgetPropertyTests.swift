// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

@Suite struct BudgetPropertyTests {
  @Test(arguments: 1...60)
  func `whatever happens, no window is charged more than its limit`(seed: UInt64) {
    var world = BudgetWorld(seed: seed)
    for _ in 0..<400 {
      world.step()
      world.check()
    }
    #expect(world.admitted > 10, "seed \(seed) admits almost nothing")
    #expect(world.restarts > 3)
  }

  @Test(arguments: [1, 2, 7, 50], [3, 10, 19])
  func `equal calls get exactly as many admissions as the limit has room for`(clients: Int, price: Int64) {
    let limit: Int64 = 200
    var dice = Dice(UInt64(clients) * 100 + UInt64(price))
    var machine = BudgetMachine(rules: [rule(cost: limit)])
    var running: [EffectID] = []
    var next = 0
    var served: Int64 = 0
    var waiting = 0
    repeat {
      while running.count + waiting < clients, next < 300 {
        next += 1
        switch machine.admit(call("\(next)", flat(price)), at: reading()) {
        case .admitted(let grant): running.append(grant.id)
        case .queued: waiting += 1
        case .refused: break
        }
      }
      guard !running.isEmpty else { break }
      let id = running.remove(at: Int(dice.roll(0...Int64(running.count - 1))))
      served += 1
      for woken in machine.finish(id.text, cost(price)) {
        waiting -= 1
        if let grant = woken.decision.grant { running.append(grant.id) }
      }
    } while true
    #expect(served == limit / price)
    #expect(waiting == 0)
  }
}
