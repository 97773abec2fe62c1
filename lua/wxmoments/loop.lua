--- Waiting for many things at once in a script: tasks are coroutines that say what they
-- wait for, and whoever waits at the top lets time pass for all of them.
--
-- Only a task's own coroutine is ever yielded. Called from anywhere else (the main
-- program, a coroutine of the user's, a callback that cannot yield) `wait` blocks there
-- and drives the other tasks meanwhile, so that a stranger never sees our yields.
-- @module wxmoments.loop

local Loop = {}
Loop.__index = Loop
Loop.__name = "wxmoments.loop"

-- A wait is never longer at a stretch, so that signals and hooks get their turn.
local LONGEST_POLL = 1

-- 5.1 itself cannot say; it cannot be asked to wait inside a callback of C either.
local can_yield = rawget(coroutine, "isyieldable") or function() return true end

local loop = {}

--- Makes a loop.
-- @tparam function now monotonic seconds
-- @tparam function poll `poll(seconds)` lets at most that time pass, less if something
-- happened that a task may wait for
function loop.new(now, poll)
  return setmetatable({
    _now = now,
    _poll = poll,
    _waiting = {}, -- tasks, the longest-waiting first
    _task_of = setmetatable({}, { __mode = "k" }), -- coroutine → task
  }, Loop)
end

-- Runs a task until it waits or ends. What it raises is kept for whoever asks.
local function resume(self, task)
  local ok, raised = coroutine.resume(task.co)
  if coroutine.status(task.co) == "dead" then
    task.done, task.raised = true, not ok and (raised or "nil") or nil
    task.cleanups = {}
  else
    self._waiting[#self._waiting + 1] = task
  end
end

--- Starts `fn` as a task and runs it to its first wait.
-- @tparam function fn
-- @treturn table task: `done` becomes true at its end, `raised` what it raised
function Loop:spawn(fn)
  local task = { co = coroutine.create(fn), done = false, cleanups = {} }
  self._task_of[task.co] = task
  resume(self, task)
  return task
end

local function is_due(task, now)
  return task.ready() or (task.at and now >= task.at)
end

-- Resumes every task that waits for nothing any more. Was there one?
local function run_due(self)
  local waiting, now, ran = self._waiting, self._now(), false
  self._waiting = {}
  for i = 1, #waiting do
    local task = waiting[i]
    if not task.killed then
      if is_due(task, now) then
        ran = true
        resume(self, task)
      else
        self._waiting[#self._waiting + 1] = task
      end
    end
  end
  return ran
end

-- Lets time pass until something may have changed, at most until `at`.
local function pass_time(self, at)
  for _, task in ipairs(self._waiting) do
    if task.at and (not at or task.at < at) then
      at = task.at
    end
  end
  local seconds = at and at - self._now() or LONGEST_POLL
  self._poll(math.max(0, math.min(seconds, LONGEST_POLL)))
end

--- The task that runs now, or nil.
function Loop:current()
  local co = coroutine.running()
  local task = co and self._task_of[co]
  return task and can_yield() and task or nil
end

--- Waits until `ready()` is true or the time `at` has come.
-- @tparam function ready called often; must be quick and must not wait
-- @tparam ?number at by the loop's clock
-- @treturn boolean whether it is ready
function Loop:wait(ready, at)
  local task = self:current()
  if task and not ready() then
    task.ready, task.at = ready, at
    coroutine.yield()
    return ready()
  end
  while not ready() do
    if at and self._now() >= at then
      return false
    end
    if not run_due(self) then
      pass_time(self, at)
    end
  end
  return true
end

--- Has `fn` called if the running task is killed.
-- @treturn function takes that back; call it when the danger is over
function Loop:on_kill(fn)
  local task = self:current()
  if not task then
    return function() end
  end
  local cleanups = task.cleanups
  cleanups[#cleanups + 1] = fn
  return function()
    for i = #cleanups, 1, -1 do
      if cleanups[i] == fn then
        table.remove(cleanups, i)
        return
      end
    end
  end
end

--- Ends a task that waits, and has its clean-ups called, the newest first.
-- Called as a method: `loop:kill(task)`.
function Loop.kill(_, task)
  if task.done or task.killed then
    return
  end
  task.killed, task.done = true, true
  for i = #task.cleanups, 1, -1 do
    task.cleanups[i]()
  end
  task.cleanups = {}
end

return loop
