--- What the four endpoints about one moment answer: who has published it, for whom it was
-- meant, whom it reached, and what they said.
-- An answer is a function(corp, call) → fields | nil, errcode (wxmoments.simulator.endpoints).

local json = require "wxmoments.simulator.json"
local listing = require "wxmoments.simulator.listing"
local reactions = require "wxmoments.simulator.reactions"

local records = {}

-- The fields of rows, in the document's order.
local TASK = { "userid", "publish_status" }
local CUSTOMER = { "userid", "external_userid" }
local REACTION = { "external_userid", "userid", "create_time" }

-- The moment and the publisher a call names; or nil and why not.
local function publication(corp, asked, published)
  local moment = corp.data:find(asked.moment_id)
  if not moment then return nil, 41060 end
  local member = corp.publishers:find(moment, asked.userid)
  if not member then return nil, 41061 end
  if published and not corp.publishers:has_published(moment, member) then return nil, 41062 end
  return moment, member
end

--- Only moments of the corp have tasks.
function records.get_moment_task(corp, call)
  local moment = corp.data:find(call.params.moment_id)
  if not moment then return nil, 41060 end
  if moment.create_type ~= 0 then return nil, 41067 end
  return listing.page(corp, call, {
    name = "task_list", question = { "task", moment.moment_id },
    total = corp.publishers:count(moment), most = 1000, default = 500,
    row = function(place) return json.encode(corp.publishers:task(moment, place), TASK) end,
  })
end

-- The list of customers that `rows` gives.
local function customer_list(corp, call, rows, list)
  local moment, member = publication(corp, call.params, list.published)
  if not moment then return nil, member end
  local total, row = rows(corp.customers, moment, member)
  return listing.page(corp, call, {
    name = "customer_list", question = { list.question, moment.moment_id, call.params.userid },
    total = total, most = list.most, default = list.default,
    row = function(place) return json.encode(row(place), CUSTOMER) end,
  })
end

--- Also of a member who has not published yet.
function records.get_moment_customer_list(corp, call)
  return customer_list(corp, call, corp.customers.chosen_rows, {
    question = "chosen", most = 1000, default = 500,
  })
end

function records.get_moment_send_result(corp, call)
  return customer_list(corp, call, corp.customers.reached_rows, {
    question = "reached", most = 5000, default = 3000, published = true,
  })
end

local function write(list)
  local rows = {}
  for i, row in ipairs(list) do rows[i] = json.encode(row, REACTION) end
  return json.list(rows)
end

function records.get_moment_comments(corp, call)
  local moment, member = publication(corp, call.params, true)
  if not moment then return nil, member end
  local said = reactions(corp.options.seed, corp, moment, member)
  return { comment_list = write(said.comment_list), like_list = write(said.like_list) }
end

return records
