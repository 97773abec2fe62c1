--- Waiting for many things at once in a script: tasks are coroutines that say what they
-- wait for, and whoever waits at the top lets time pass for all of them.
--
-- Only a task's own coroutine is ever yielded. Called from anywhere else (the main
-- program, a coroutine of the user's, a callback that cannot yield) `wait` blocks there
-- and drives the other tasks meanwhile, so that a stranger never sees our yields.
-- @module wxmoments.loop

local loop = {}

local methods = {}
local Loop = { __index = methods, __name = "wxmoments.loop" }

function Loop.__tostring()
  return Loop.__name
end

-- A wait is never longer at a stretch, so that signals and hooks get their turn.
local LONGEST_POLL = 1

-- 5.1 itself cannot say; it cannot be asked to wait inside a callback of C either.
local can_yield = rawget(coroutine, "isyieldable") or function() return true end

-- What a killed task's wait raises: it unwinds the task, and nobody sees it.
local KILLED = setmetatable({}, {
  __tostring = function() return "wxmoments: the task was killed" end,
})

--- Can a coroutine yield through pcall here? In 5.1 itself it cannot, and there are no tasks.
loop.is_possible = (function()
  local co = coroutine.create(function() pcall(coroutine.yield) end)
  coroutine.resume(co)
  return coroutine.status(co) == "suspended"
end)()

--- Makes a loop.
-- @tparam function now monotonic seconds
-- @tparam function poll `poll(seconds)` lets at most that time pass, less if something
-- happened that a task may wait for
function loop.new(now, poll)
  return setmetatable({
    _now = now, _poll = poll,
    _queue = {}, -- tasks that wait, the longest-waiting first
    _task_of = {}, -- coroutine → task, while the task lives
    _pass = 0,
  }, Loop)
end

--- Is it a loop of this module?
function loop.is(value)
  return type(value) == "table" and getmetatable(value) == Loop
end

local function clean_up(task)
  local cleanups = task.cleanups
  task.cleanups = {}
  for i = #cleanups, 1, -1 do
    cleanups[i]()
  end
end

local function finish(self, task, raised)
  self._task_of[task.co] = nil
  task.done = true
  if raised ~= KILLED then
    task.raised = raised
  end
  clean_up(task)
end

-- Runs a task until it waits or ends. What it raises is kept for whoever asks.
local function resume(self, task)
  task.ready, task.at = nil, nil
  local ok, raised = coroutine.resume(task.co)
  if coroutine.status(task.co) == "dead" then
    finish(self, task, not ok and (raised or "nil") or nil)
  elseif not task.ready then
    -- Somebody else's yield came through: nothing of ours can ever resume it rightly.
    finish(self, task, "wxmoments: a function that wxmoments calls must not yield")
  else
    self._queue[#self._queue + 1] = task
  end
end

--- Starts `fn` as a task and runs it to its first wait.
-- @tparam function fn
-- @treturn table task: `done` becomes true at its end, `raised` what it raised
function methods:spawn(fn)
  local task = { co = coroutine.create(fn), done = false, cleanups = {} }
  self._task_of[task.co] = task
  resume(self, task)
  return task
end

-- The longest-waiting task that waits for nothing any more, once a pass; out of the queue.
local function take_due(self, pass)
  local queue, now = self._queue, self._now()
  for i = 1, #queue do
    local task = queue[i]
    if task.pass ~= pass then
      local ok, due = pcall(task.ready)
      if not ok then
        table.remove(queue, i)
        finish(self, task, due)
        return task
      end
      if due or task.at and now >= task.at then
        task.pass = pass
        table.remove(queue, i)
        return task
      end
    end
  end
end

-- Resumes every task that waits for nothing any more. Was there one? Tasks may wait inside
-- of tasks: each such wait makes a pass of its own over the one queue.
local function run_due(self)
  local pass, ran = self._pass + 1, false
  self._pass = pass
  local task = take_due(self, pass)
  while task do
    ran = true
    if not task.done then
      resume(self, task)
    end
    task = take_due(self, pass)
  end
  return ran
end

-- Lets time pass until something may have changed, at most until `at`.
local function pass_time(self, at)
  for _, task in ipairs(self._queue) do
    if task.at and (not at or task.at < at) then
      at = task.at
    end
  end
  local seconds = at and at - self._now() or LONGEST_POLL
  self._poll(math.max(0, math.min(seconds, LONGEST_POLL)))
end

--- The task that runs now, or nil.
function methods:current()
  local co = coroutine.running()
  local task = co and self._task_of[co]
  return task and can_yield() and task or nil
end

--- Waits until `ready()` is true or the time `at` has come.
-- @tparam function ready called often; must be quick and must not wait
-- @tparam ?number at by the loop's clock
-- @treturn boolean whether it is ready
function methods:wait(ready, at)
  local task = self:current()
  if task then
    if task.killed then
      error(KILLED, 0)
    end
    if ready() then
      return true
    end
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

--- Has `fn` called if the running task is killed, or ends by raising.
-- @treturn function takes that back; call it when the danger is over
function methods:on_kill(fn)
  local task = self:current()
  if not task then
    return function() end
  end
  if task.killed then
    fn()
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

--- Ends a task: one that waits at once, with its clean-ups called, the newest first; one
-- that runs just now (it has led to this call) at its next wait.
function methods:kill(task)
  if task.done or task.killed then
    return
  end
  task.killed = true
  for i, waiting in ipairs(self._queue) do
    if waiting == task then
      table.remove(self._queue, i)
      finish(self, task)
      return
    end
  end
end

return loop
