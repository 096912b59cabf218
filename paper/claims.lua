-- Holds the text to the results: of a span or a passage with claim="NAME ..." it leaves what holds,
-- and says of what does not that it is not so; one with only="NAME ..." it leaves out where a
-- condition is not met. The report stage writes claims.json, beside this file.

local folder = pandoc.path.directory(PANDOC_SCRIPT_FILE)

local function results()
  local path = pandoc.path.join({folder, "claims.json"})
  local file = io.open(path) or error(path .. ": not found; run `dvc repro report` to make it", 0)
  local text = file:read("a")
  file:close()
  return pandoc.json.decode(text, false)
end

local found = results()

-- Returns an iterator over the entries of `entries` that an attribute names.
local function named(element, attribute, entries)
  local names = (element.attributes[attribute] or ""):gmatch("%S+")
  return function()
    local name = names()
    if name and entries[name] == nil then
      error(attribute .. '="' .. name .. '": no such name in claims.json; add it to '
        .. "src/memorization/report/claims.yaml and run `dvc repro report`", 0)
    end
    return name, entries[name]
  end
end

-- Returns nothing to leave the element as it is, or what takes its place.
local function judged(element, put)
  if not (element.attributes.claim or element.attributes.only) then return nil end
  for _, met in named(element, "only", found.conditions) do
    if not met then return {} end
  end
  local wrong = {}
  for name, claim in named(element, "claim", found.claims) do
    if not claim.asked then return {} end
    if not claim.holds then
      table.insert(wrong, "not so in this run: " .. name .. " (" .. claim.numbers .. ")")
    end
  end
  if #wrong == 0 then return element.content end
  return put(pandoc.Strong(pandoc.Inlines(table.concat(wrong, "; "))))
end

return {
  {
    Span = function(span) return judged(span, function(wrong) return wrong end) end,
    Div = function(div) return judged(div, function(wrong) return pandoc.Para(wrong) end) end,
  },
}
