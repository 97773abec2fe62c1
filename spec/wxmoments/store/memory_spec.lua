--- The token store in memory.

local memory = require "wxmoments.store.memory"

local clock, store

describe("the memory store", function()
  before_each(function()
    clock = 1000
    store = memory.new(function() return clock end)
  end)

  it("keeps a token for its time", function()
    assert.is_nil(store:get("k"))
    store:set("k", "T", 10)
    assert.same({ "T", 1010 }, { store:get("k") })
    assert.is_nil(store:get("other"))
    clock = 1010
    assert.is_nil(store:get("k"))
  end)

  it("drops only the token that is named", function()
    store:set("k", "new", 10)
    store:drop("k", "old")
    assert.equal("new", (store:get("k")))
    store:drop("k", "new")
    assert.is_nil(store:get("k"))
    store:drop("nothing", "x")
  end)

  it("locks for one holder, for a time", function()
    local release = store:lock("k", 5)
    assert.is_nil(store:lock("k", 5))
    assert.is_function(store:lock("other", 5))
    release()
    release()
    local second = store:lock("k", 5)
    clock = clock + 5
    local third = store:lock("k", 5)
    assert.is_function(third)
    second() -- its time was over: the lock is another's now
    assert.is_nil(store:lock("k", 5))
  end)

  it("shows no token", function()
    store:set("k", "S3CRET", 10)
    local text = tostring(store)
    for name, value in pairs(store) do
      text = text .. tostring(name) .. tostring(value)
    end
    assert.falsy(text:find("S3CRET", 1, true))
  end)
end)
