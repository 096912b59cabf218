-- What the pages say of themselves. To those who do not see a figure: what it shows. Below each
-- figure and table, in HTML: its module and the files behind it. At the end: the commit and the
-- dvc.lock that the pages were rendered from. With pandoc alone, without Quarto, the links below
-- figures and tables are missing.

-- From _output/index.html to the repository.
local REPOSITORY = "../../"
local FOLDER = quarto and quarto.project.directory or "."

local sources = {}

-- The entry of _sources.yml for figures/memorized_by_size.svg or for fig-memorized-by-size.
local function source_of(kind, name)
  local of_kind = sources[kind]
  return of_kind and of_kind[name:gsub("-", "_")]
end

local function describe(image)
  local source = source_of("figures", image.src:match("figures/(.+)%.svg$") or "")
  if source then
    image.attributes.alt = pandoc.utils.stringify(source.alt)
    return image
  end
end

local function link(path)
  path = pandoc.utils.stringify(path)
  return pandoc.Link(pandoc.Code(path:match("[^/]+$")), REPOSITORY .. path, path)
end

local function cite_sources(float)
  local kind, name = float.identifier:match("^(%l+)-(.+)$")
  local source = source_of(({ fig = "figures", tbl = "tables" })[kind], name or "")
  if not source or not quarto.doc.is_format("html") then
    return nil
  end
  local said = pandoc.Inlines({ "Made", pandoc.Space(), "by", pandoc.Space(), link(source.module) })
  for k, file in ipairs(source.files) do
    said:extend({ k == 1 and " from " or ", ", link(file) })
  end
  local caption = pandoc.utils.blocks_to_inlines(pandoc.Blocks(float.caption_long))
  caption:insert(pandoc.Space())
  caption:insert(pandoc.Span(said, { class = "sources" }))
  float.caption_long = pandoc.Plain(caption)
  return float
end

-- What git says of the paper's folder, or nil where it is in no repository or there is no git.
local function git(...)
  local done, said = pcall(pandoc.pipe, "sh", { "-c", 'exec git -C "$0" "$@" 2>&-', FOLDER, ... }, "")
  return done and said:gsub("%s+$", "") or nil
end

local function rendered_from()
  local said = {}
  -- Elsewhere than in its repository, a copy of the paper is of no commit.
  if git("rev-parse", "--show-prefix") == "paper/" then
    local commit = git("rev-parse", "--short=12", "HEAD")
    local changed = git("status", "--porcelain") ~= ""
    table.insert(said, "commit " .. commit .. (changed and " with changes" or ""))
  end
  local lock = io.open(FOLDER .. "/../dvc.lock", "rb")
  if lock then
    table.insert(said, "dvc.lock with SHA-1 " .. pandoc.utils.sha1(lock:read("a")):sub(1, 12))
    lock:close()
  end
  return #said > 0 and "Rendered from " .. table.concat(said, " and ") .. "."
end

local function sign(doc)
  local said = rendered_from()
  if said then
    doc.blocks:insert(pandoc.Div(pandoc.Para(said), { class = "colophon" }))
    return doc
  end
end

return {
  { Meta = function(meta) sources = meta.sources or {} end },
  { Image = describe, FloatRefTarget = cite_sources, Pandoc = sign },
}
