import CSyncMgr
import Testing

@Suite("Last error", .watched)
struct LastErrorTests {
  @Test("last_error is empty, not NULL, on a thread whose calls have not failed")
  func emptyAtFirst() throws {
    let thread = onThread { () -> (Bool, String) in
      var manager: OpaquePointer?
      let opened = syncmgr_open("local:", nil, &manager)
      syncmgr_close(manager)
      return (opened == SYNCMGR_OK && syncmgr_last_error() != nil, lastError())
    }
    let (isThere, sentence) = try thread.result()
    #expect(isThere)
    #expect(sentence == "")
  }

  @Test("a failing call leaves a sentence, success keeps it, the next failing call overwrites it")
  func overwritten() throws {
    try withSpace(.local) { space in
      let me = try space.workstream("somebody")
      let first = status { () throws(Failed) in try space.workstream("somebody") }
      #expect(first == .exists)
      #expect(first.sentence.contains("somebody"))
      _ = try me.mutex("fine")
      #expect(lastError() == first.sentence)
      let second = try me.mutex("fine").unlock()
      #expect(second == .notOwner)
      #expect(second.sentence != first.sentence)
      #expect(lastError() == second.sentence)
    }
  }

  @Test("the sentence about a mistake says with which object it was made")
  func mistakesNameObject() throws {
    try withSpace(.local) { space in
      let me = try space.workstream()
      let mistakes = [
        try me.mutex("a mutex").unlock(),
        try me.semaphore("a semaphore", permits: 3).release(2),
        try me.semaphore("a semaphore", permits: 3).acquire(4),
        try me.latch("a latch", count: 3).countDown(4),
        try me.barrier("a barrier", parties: 3).release(),
      ]
      let names = ["a mutex", "a semaphore", "a semaphore", "a latch", "a barrier"]
      for (mistake, name) in zip(mistakes, names) {
        #expect(mistake.sentence.contains(name), "\(mistake)")
      }
    }
  }

  @Test("the sentence about a timeout says what was waited for", arguments: Noun.allCases)
  func timeoutsNameObject(noun: Noun) throws {
    try withSpace(.local) { space in
      let scene = try Scene(noun, in: space, name: "a certain one")
      for failure in [scene.object.attempt(), scene.object.wait(2 * millisecond)] {
        #expect(failure.sentence.contains("a certain one"), "\(failure)")
      }
    }
  }

  @Test("the sentence belongs to the thread")
  func perThread() throws {
    try withSpace(.local) { space in
      let mutex = try space.workstream().mutex("mine")
      let mine = mutex.unlock()
      let other = onThread { () -> String in
        _ = mutex.close()
        _ = mutex.close()
        return lastError()
      }
      #expect(try other.result() != mine.sentence)
      #expect(lastError() == mine.sentence)
    }
  }

  @Test("the sentence about other parameters names both values")
  func mismatchNamesBothValues() throws {
    try withSpace(.local) { space in
      let me = try space.workstream()
      _ = try me.semaphore("s", permits: 31)
      _ = try me.latch("l", count: 41)
      _ = try me.barrier("b", parties: 51)
      let failures = [
        ("31", "37", status { () throws(Failed) in try me.semaphore("s", permits: 37) }),
        ("41", "47", status { () throws(Failed) in try me.latch("l", count: 47) }),
        ("51", "57", status { () throws(Failed) in try me.barrier("b", parties: 57) }),
      ]
      for (has, given, failure) in failures {
        #expect(failure == .mismatch)
        #expect(failure.sentence.contains(has) && failure.sentence.contains(given), "\(failure)")
      }
    }
  }

  @Test("the sentence about another type names both types")
  func typeNamesBothValues() throws {
    try withSpace(.local) { space in
      let me = try space.workstream()
      _ = try me.latch("thing", count: 1)
      let failure = status { () throws(Failed) in try me.event("thing") }
      #expect(failure == .type)
      for word in ["thing", "latch", "event"] {
        #expect(failure.sentence.contains(word), "\(failure)")
      }
    }
  }

  @Test("every kind of failure has a sentence, also a timeout", arguments: Noun.allCases)
  func sentences(noun: Noun) throws {
    try withSpace(.local) { space in
      let scene = try Scene(noun, in: space)
      let object = scene.object
      for failure in [object.attempt(), object.wait(-2), object.wait(2 * millisecond)] {
        #expect(failure.code < 0)
        #expect(!failure.sentence.isEmpty, "\(failure)")
      }
    }
  }
}
