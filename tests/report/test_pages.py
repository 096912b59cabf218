"""The pages: what they say of themselves, what they load, and how they look in a browser."""

import hashlib
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pypandoc
import pytest
import yaml
from report.test_manuscript import resolved

from memorization.report.figures import ALT, FIGURES
from memorization.report.tables import TABLES
from memorization.report.write import with_files

ROOT = Path(__file__).parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Bytes of the page in HTML.
LIMIT = 3_000_000


def sources_of(paper):
    return yaml.safe_load((paper / "_sources.yml").read_text(encoding="utf-8"))["sources"]


def test_sources_are_modules_and_inputs_of_the_report(paper):
    found = sources_of(paper)
    assert set(found["figures"]) == set(FIGURES)
    assert set(found["tables"]) == set(TABLES)
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    inputs = set(pipeline["stages"]["report"]["deps"])
    for name, source in found["figures"].items():
        assert source["module"].endswith(f"/figures/{name}.py")
        assert source["alt"] == ALT[name]
    for source in [*found["figures"].values(), *found["tables"].values()]:
        assert '"""' in (ROOT / source["module"]).read_text(encoding="utf-8")
        # A whole folder may be an input, as that of the suite is.
        assert all(inputs & {file, str(Path(file).parent)} for file in source["files"])


def test_files_are_those_that_were_read(results):
    def make(found):
        found.metrics["arm"], found.when_weight, found.probability("text", "logistic")
        return found.steps

    steps, files = with_files(make, results)
    assert steps is results.steps
    sample = [f"results/{name}.parquet" for name in ("labels", "sequences", "splits")]
    read = ["metrics/arm.json", "predictions/whether.parquet", "trajectories.npz"]
    assert files == sorted([*sample, *(f"results/{file}" for file in read)])
    # Though all of it was computed before.
    assert with_files(make, results)[1] == files
    assert with_files(lambda found: found.params, results)[1] == []


class Page(HTMLParser):
    """Everything on a page that a browser would load, its pictures and its links."""

    def __init__(self, text):
        super().__init__()
        self.loaded, self.images, self.links = [], [], []
        self.loaded += re.findall(r"url\(\s*[\"']?([^\"')]+)", text)
        self.loaded += re.findall(r"@import\s+[\"']?([^\"';]+)", text)
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "a":
            self.links.append(found.get("href", ""))
            return
        if tag == "img":
            self.images.append(found)
        if tag != "math":
            self.loaded += [
                found[name] for name in ("src", "href", "srcset", "data") if name in found
            ]


def test_a_page_is_scanned_for_all_that_it_loads():
    text = '<script src="a"></script><link href="b"><style>@import "c"; p {x: url(d)}</style>'
    assert set(Page(text + '<img src="e"><a href="f">').loaded) == {"a", "b", "c", "d", "e"}


def by_pandoc(paper, *options):
    """Return the manuscript in HTML, as pandoc makes it without Quarto."""
    written = yaml.safe_load((paper / "_variables.yml").read_text(encoding="utf-8"))
    return pypandoc.convert_text(
        resolved(written, paper),
        "html",
        format="markdown",
        cworkdir=str(paper),
        extra_args=[
            "--mathml",
            f"--metadata-file={paper / '_sources.yml'}",
            f"--lua-filter={paper / 'pages.lua'}",
            "--fail-if-warnings",
            *options,
        ],
    )


def test_every_figure_of_the_paper_says_what_it_shows(paper):
    images = Page(by_pandoc(paper)).images
    assert {image["src"] for image in images} == {f"figures/{name}.svg" for name in FIGURES}
    assert all(image["alt"] == ALT[Path(image["src"]).stem] for image in images)


def test_the_page_of_the_results_that_are_there_is_small_enough_to_send():
    """Quarto's page has a style of its own besides, and links."""
    text = by_pandoc(ROOT / "paper", "--standalone", "--embed-resources")
    assert len(text.encode("utf-8")) < LIMIT


def colophon(text):
    said = re.findall(r'<div class="colophon">\s*<p>(.*?)</p>', text, re.DOTALL)
    return " ".join(" ".join(said).split())


@pytest.fixture
def repository(paper, tmp_path):
    """A repository with the paper in its folder."""
    shutil.copytree(paper, tmp_path / "paper", ignore=shutil.ignore_patterns("_output", ".quarto"))
    shutil.copy(ROOT / "paper" / ".gitignore", tmp_path / "paper")
    (tmp_path / "dvc.lock").write_text("schema: '2.0'\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "Paper")
    return tmp_path


def git(folder, *arguments):
    name = ("-c", "user.name=Reader", "-c", "user.email=reader@example.org")
    done = subprocess.run(
        ["git", *name, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_the_foot_says_commit_and_lock(repository):
    text = colophon(by_pandoc(repository / "paper"))
    lock = hashlib.sha1((repository / "dvc.lock").read_bytes()).hexdigest()
    commit = git(repository, "rev-parse", "HEAD")
    assert text == f"Rendered from commit {commit[:12]} and dvc.lock with SHA-1 {lock[:12]}."
    (repository / "dvc.lock").write_text("changed")
    assert f"commit {commit[:12]} with changes and" in colophon(by_pandoc(repository / "paper"))


def test_without_git_or_lock_the_foot_says_less(repository, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(repository.parent))
    shutil.rmtree(repository / ".git")
    text = colophon(by_pandoc(repository / "paper"))
    assert "dvc.lock" in text
    assert "commit" not in text
    (repository / "dvc.lock").unlink()
    assert colophon(by_pandoc(repository / "paper")) == ""
    # In another's repository it is not of that one's commit.
    shutil.move(repository / "paper", repository / "other")
    git(repository, "init", "--quiet")
    assert colophon(by_pandoc(repository / "other")) == ""


@pytest.fixture(scope="module")
def rendered(paper, tmp_path_factory):
    """What Quarto said, and where it left the pages: those of a repository."""
    quarto = shutil.which("quarto")
    if not quarto:
        pytest.skip("quarto is not on PATH: the pages were not rendered")
    folder = tmp_path_factory.mktemp("repository")
    shutil.copytree(paper, folder / "paper")
    shutil.copy(ROOT / "paper" / ".gitignore", folder / "paper")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Paper")
    done = subprocess.run(
        [quarto, "render", "paper"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr, folder / "paper" / "_output"


def test_quarto_warns_of_nothing_and_leaves_nothing(rendered):
    said, output = rendered
    assert not re.search(r"warn|could not|error", said, re.IGNORECASE)
    assert git(output, "status", "--porcelain") == ""
    assert {path.name for path in output.iterdir()} >= {"index.html", "index.pdf"}


def test_the_page_loads_nothing_and_cites_its_sources(rendered):
    _, output = rendered
    text = (output / "index.html").read_text(encoding="utf-8")
    page = Page(text)
    assert {source.partition(":")[0] for source in page.loaded} == {"data"}
    assert "<script" not in text
    assert "<math" in text
    assert {image["alt"] for image in page.images} == set(ALT.values())
    found = sources_of(output.parent)
    for kind, prefix in (("figures", "fig"), ("tables", "tbl")):
        for name, source in found[kind].items():
            label = f'id="{prefix}-{name.replace("_", "-")}"'
            (part,) = re.findall(rf"{label}.*?</figure>", text, re.DOTALL)
            cited = re.findall(r'<a href="([^"]+)" title=', part)
            assert cited == [f"../../{path}" for path in (source["module"], *source["files"])]
            assert (ROOT / source["module"]).exists()
    commit = git(output, "rev-parse", "HEAD")
    assert f"Rendered from commit {commit[:12]}" in colophon(text)


def test_the_pdf_is_tagged_with_title_and_language_and_its_fonts_are_in_it(rendered):
    _, output = rendered
    pdf = (output / "index.pdf").read_bytes()
    assert b"/Lang(en)" in pdf
    assert b"/Title" in pdf
    assert b"/FontFile3" in pdf or b"/FontFile2" in pdf


# Asked of the page in a frame, as a window cannot be as narrow as a telephone.
ASK = """<script>
addEventListener("load", () => {
  const root = document.documentElement, box = at => at.getBoundingClientRect();
  const beside = box(document.querySelector("nav#TOC"));
  const under = at => box(at).left < beside.right && box(at).right > beside.left
    && getComputedStyle(document.querySelector("nav#TOC")).position == "fixed";
  parent.postMessage({
    wide: root.scrollWidth - root.clientWidth,
    under: [...document.querySelectorAll("body > *:not(nav)")].filter(under).length,
    blank: [...document.images].filter(image => !image.naturalWidth).length,
    scrolling: [...document.querySelectorAll("figure > div")]
      .filter(at => at.scrollWidth > at.clientWidth).length,
    page: getComputedStyle(document.body).backgroundColor,
    behind: getComputedStyle(document.images[0]).backgroundColor,
  }, "*");
});
</script>"""
FRAME = """<!doctype html><html style="color-scheme: light dark"><body style="margin: 0"><pre></pre>
<script>addEventListener("message", found =>
  document.querySelector("pre").textContent = JSON.stringify(found.data));</script>
<iframe src="asked.html" width="{width}" height="900" style="border: 0"></iframe></body></html>"""


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_fits_its_window_light_and_dark(rendered, width, dark):
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser:
        pytest.skip("no Chromium is on PATH: the page was not looked at")
    _, output = rendered
    text = (output / "index.html").read_text(encoding="utf-8")
    (output / "asked.html").write_text(text.replace("</body>", f"{ASK}</body>"), encoding="utf-8")
    (output / "frame.html").write_text(FRAME.format(width=width), encoding="utf-8")
    options = (
        "--headless --no-sandbox --disable-gpu --hide-scrollbars --enable-logging=stderr --v=0"
    )
    done = subprocess.run(
        [
            browser,
            *options.split(),
            f"--window-size={max(width, 800)},1000",
            f"--blink-settings=preferredColorScheme={0 if dark else 1}",
            "--virtual-time-budget=20000",
            "--dump-dom",
            (output / "frame.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "CONSOLE" not in done.stderr
    (answer,) = re.findall(r"<pre>(.+)</pre>", done.stdout)
    found = yaml.safe_load(answer)
    assert found["wide"] <= 0
    assert found["under"] == found["blank"] == 0
    # The widest tables do, in their boxes.
    assert found["scrolling"] > 0
    assert found["page"] == ("rgb(22, 24, 27)" if dark else "rgb(255, 255, 255)")
    assert found["behind"] == "rgb(255, 255, 255)"
