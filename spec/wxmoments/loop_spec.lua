--- Tasks that wait for each other and for time, without time.

local loop = require "wxmoments.loop"

local clock, polls, lo

local function at(time)
  return function() return clock >= time end
end

describe("loop", function()
  before_each(function()
    clock, polls = 0, 0
    lo = loop.new(function() return clock end, function(seconds)
      polls = polls + 1
      assert(polls < 10000, "the loop spins")
      clock = clock + math.max(seconds, 0.001)
    end)
  end)

  it("lets time pass for all at once", function()
    local order = {}
    for i = 1, 3 do
      lo:spawn(function()
        lo:wait(at(4 - i), 4 - i)
        order[#order + 1] = i
      end)
    end
    assert.is_true(lo:wait(function() return #order == 3 end))
    assert.same({ 3, 2, 1 }, order)
    assert.is_true(clock < 3.1)
  end)

  it("gives up at the time that was said", function()
    assert.is_false(lo:wait(function() return false end, 2))
    assert.is_true(clock >= 2)
  end)

  it("never waits for what is ready", function()
    assert.is_true(lo:wait(function() return true end))
    local task = lo:spawn(function() lo:wait(function() return true end) end)
    assert.is_true(task.done)
    assert.equal(0, polls)
  end)

  it("keeps what a task raises", function()
    local raised = { "an object" }
    local task = lo:spawn(function()
      lo:wait(at(1), 1)
      error(raised)
    end)
    lo:wait(function() return task.done end)
    assert.equal(raised, task.raised)
    assert.is_truthy(lo:spawn(function() error() end).raised)
  end)

  it("waits inside tasks that wait", function()
    local inner_done
    local outer = lo:spawn(function()
      local inner = lo:spawn(function() lo:wait(at(2), 2) end)
      lo:wait(function() return inner.done end)
      inner_done = clock
    end)
    lo:wait(function() return outer.done end)
    assert.is_true(inner_done >= 2)
  end)

  it("blocks in a stranger's coroutine rather than yield to it", function()
    local others = 0
    lo:spawn(function()
      lo:wait(at(1), 1)
      others = others + 1
    end)
    local task = lo:spawn(function()
      local stranger = coroutine.wrap(function()
        assert(lo:wait(at(2), 2))
        return "through"
      end)
      assert.equal("through", stranger())
    end)
    assert.is_true(task.done)
    assert.is_nil(task.raised)
    assert.equal(1, others)
  end)

  it("blocks where a task cannot yield", function()
    local task = lo:spawn(function()
      table.sort({ 3, 1, 2 }, function(a, b)
        lo:wait(at(clock + 0.1), clock + 0.1)
        return a < b
      end)
    end)
    lo:wait(function() return task.done end)
    assert.is_nil(task.raised)
  end)

  it("kills: clean-ups run once, the newest first, and the task never again", function()
    local calls = {}
    local task = lo:spawn(function()
      lo:on_kill(function() calls[#calls + 1] = "outer" end)
      local spared = lo:on_kill(function() calls[#calls + 1] = "spared" end)
      spared()
      lo:on_kill(function() calls[#calls + 1] = "inner" end)
      lo:wait(at(1), 1)
      calls[#calls + 1] = "ran"
    end)
    lo:kill(task)
    lo:kill(task)
    lo:wait(at(2), 2)
    assert.same({ "inner", "outer" }, calls)
    assert.is_true(task.done)
  end)

  it("forgets tasks that have ended", function()
    local function heap()
      collectgarbage()
      collectgarbage()
      return collectgarbage("count")
    end
    local function run()
      for _ = 1, 2000 do
        lo:spawn(function() lo:wait(at(clock + 1), clock + 1) end)
        lo:wait(at(clock + 2), clock + 2)
        polls = 0
      end
    end
    run()
    local before = heap()
    run()
    assert.is_true(heap() - before < 64, "KiB more: " .. heap() - before)
  end)

  it("ends a task that somebody else's yield went through, and no other", function()
    local cleaned
    local bad = lo:spawn(function()
      lo:on_kill(function() cleaned = true end)
      coroutine.yield("for another scheduler")
    end)
    local good = lo:spawn(function() lo:wait(at(1), 1) end)
    assert.is_true(bad.done)
    assert.is_true(cleaned)
    assert.truthy(bad.raised:find("must not yield", 1, true))
    assert.is_true(lo:wait(function() return good.done end, 5))
    assert.is_nil(good.raised)
  end)

  it("keeps what a condition raises to the task that waits for it", function()
    local bad = lo:spawn(function()
      local calls = 0
      lo:wait(function()
        calls = calls + 1
        if calls > 1 then error("the condition") end
      end)
    end)
    local good = lo:spawn(function() lo:wait(at(1), 1) end)
    assert.is_true(lo:wait(function() return good.done end, 5))
    assert.truthy(tostring(bad.raised):find("the condition", 1, true))
  end)

  it("serves every task while one waits inside another", function()
    local order = {}
    lo:spawn(function()
      lo:wait(at(1), 1)
      coroutine.wrap(function() lo:wait(at(6), 6) end)() -- a nested wait, by a stranger
      order[#order + 1] = "outer"
    end)
    lo:spawn(function()
      lo:wait(at(1.5), 1.5)
      order[#order + 1] = "inner at " .. math.floor(clock)
    end)
    lo:wait(at(7), 7)
    assert.same({ "inner at 1", "outer" }, order)
  end)

  it("kills a task that runs just now at its next wait", function()
    local task, calls = nil, {}
    task = lo:spawn(function()
      lo:wait(at(1), 1)
      lo:on_kill(function() calls[#calls + 1] = "before" end)
      lo:kill(task)
      calls[#calls + 1] = "still running"
      lo:on_kill(function() calls[#calls + 1] = "at once" end)
      lo:wait(at(2), 2)
      calls[#calls + 1] = "never"
    end)
    lo:wait(at(3), 3)
    assert.is_true(task.done)
    assert.is_nil(task.raised)
    assert.same({ "still running", "at once", "at once", "before" }, calls)
  end)

  it("has no current task outside of one", function()
    assert.is_nil(lo:current())
    lo:on_kill(error)()
    local other
    lo:spawn(function() other = lo:current() end)
    assert.is_table(other)
  end)
end)
