-- The errcode catalogue: complete, and every entry fit to be shown to a person.

local errcodes = require "wxmoments.errcodes"

-- Every code a client of moments, media, tokens and sharing was found to meet.
local CODES = {
  -1, 0, 6000,
  40001, 40003, 40004, 40005, 40006, 40007, 40008, 40009, 40011, 40013, 40014, 40031, 40032,
  40033, 40035, 40056, 40058, 40063, 40066, 40068, 40088, 40091, 40093, 40096, 40097, 40098,
  40123, 40201, 40204,
  41001, 41002, 41004, 41006, 41009, 41035, 41048, 41054, 41058, 41059, 41060, 41061, 41062,
  41063, 41064, 41065, 41067, 41072, 41078, 41079, 41080, 41081, 41082, 41088, 41089, 41090,
  42001, 42009, 42012, 42013, 43009, 44001, 44004, 45001, 45002, 45009, 45029, 45033, 46004,
  48001, 48002, 48004, 48005, 48006, 50001, 50002, 50003,
  60003, 60011, 60020, 60021, 60030, 60111, 60123,
  80001, 84061, 84074, 84084, 85005, 90308, 92000, 92002,
  301002, 301007, 301042, 600018, 701101, 701105, 830002,
}

-- What the engine acts on; every other code is "no".
local RETRIES = {
  refresh = { 40014, 41001, 42001 },
  backoff = { -1, 6000, 41062, 41063, 41078, 41079, 45033 },
  wait = { 45009 },
}

local WHO = { developer = true, admin = true, wait = true }
local FULL_STOP = { en = "%.$", zh = "。$" }
local PLACEHOLDERS = { "TODO", "FIXME", "%?%?", "…", "lorem" }

-- Calls visit(sentence, where, language) for each sentence of the catalogue.
local function each_sentence(visit)
  for code, entry in pairs(errcodes) do
    for language in pairs(FULL_STOP) do
      for _, name in ipairs { "meaning", "fix" } do
        visit(entry[language][name], code .. "." .. language .. "." .. name, language)
      end
    end
  end
end

describe("the errcode catalogue", function()
  it("has every code, and no other", function()
    local listed = {}
    for _, code in ipairs(CODES) do
      listed[code] = true
      assert.is_table(errcodes[code], code .. " is missing")
    end
    for code in pairs(errcodes) do
      assert.is_true(listed[code], code .. " is not in this list")
    end
  end)

  it("has exactly the fields it promises, with the values it promises", function()
    for code, entry in pairs(errcodes) do
      local fields = {}
      for name in pairs(entry) do fields[#fields + 1] = name end
      table.sort(fields)
      assert.same({ "en", "retry", "who", "zh" }, fields, tostring(code))
      assert.is_true(WHO[entry.who], code .. ": who is " .. tostring(entry.who))
    end
  end)

  it("says which codes to send again", function()
    local expected = {}
    for retry, codes in pairs(RETRIES) do
      for _, code in ipairs(codes) do expected[code] = retry end
    end
    for code, entry in pairs(errcodes) do
      assert.equal(expected[code] or "no", entry.retry, tostring(code))
    end
  end)

  it("calls codes final that only a person can put right", function()
    for _, code in ipairs { 40001, 40091, 40013, 50003, 60020, 48002 } do
      assert.equal("no", errcodes[code].retry)
      assert.not_equal("wait", errcodes[code].who)
    end
  end)

  it("leaves to waiting only what passes by itself", function()
    for code, entry in pairs(errcodes) do
      local passes = entry.retry == "backoff" or entry.retry == "wait"
      assert.equal(passes, entry.who == "wait", tostring(code))
    end
  end)

  it("speaks in whole sentences, in English and Chinese", function()
    each_sentence(function(sentence, where, language)
      assert.is_string(sentence, where)
      assert.truthy(sentence:find(FULL_STOP[language]), where .. " has no full stop")
      assert.falsy(sentence:find("^%s") or sentence:find("\n") or sentence:find("  "), where)
      assert.is_true(#sentence >= 12, where .. " is too short to help")
    end)
  end)

  it("begins English sentences with a capital", function()
    each_sentence(function(sentence, where, language)
      if language == "en" then assert.truthy(sentence:find("^%u"), where) end
    end)
  end)

  it("holds Chinese in the Chinese half", function()
    each_sentence(function(sentence, where, language)
      if language == "zh" then assert.truthy(sentence:find("[\228-\233][\128-\191]"), where) end
    end)
  end)

  it("holds no placeholder", function()
    each_sentence(function(sentence, where)
      for _, placeholder in ipairs(PLACEHOLDERS) do
        assert.falsy(sentence:find(placeholder), where)
      end
    end)
  end)

  it("does not say the same thing as meaning and as fix", function()
    for code, entry in pairs(errcodes) do
      assert.not_equal(entry.en.meaning, entry.en.fix, tostring(code))
      assert.not_equal(entry.zh.meaning, entry.zh.fix, tostring(code))
    end
  end)
end)
