using System.Text;
using System.Text.Json.Nodes;
using Distributed.Dashboard.Reports;
using Distributed.Dashboard.Reports.Html;
using Distributed.Dashboard.Reports.Runs;
using Distributed.Dashboard.Reports.Sweeps;
using Xunit.Abstractions;

namespace Distributed.Dashboard.Tests.Browser;

/// <summary>
/// Pages in a real browser: nothing is asked of the network, nothing goes wrong in scripts, tables
/// sort, and both themes, small windows and paper work. Pictures are left in the test's output
/// folder under screenshots.
/// </summary>
public sealed class BrowserTests(ITestOutputHelper output, TinyRun run) : IClassFixture<TinyRun>
{
    private const string EnterKey = "\uE007";

    private static readonly string s_pictures = Directory.CreateDirectory(
        Path.Combine(AppContext.BaseDirectory, "screenshots")).FullName;

    /// <summary>Where an element juts out of the page, or plots are not drawn.</summary>
    private const string FindMisfits = """
        const misfits = [];
        if (document.documentElement.scrollWidth > document.documentElement.clientWidth)
            misfits.push(`the page is ${document.documentElement.scrollWidth} pixels wide`);
        document.querySelectorAll(".plot").forEach(plot => {
            if (!plot.querySelector("svg path")) misfits.push("empty: " + plot.dataset.description);
            if (!plot.getAttribute("aria-label")) misfits.push("unlabelled plot");
        });
        return misfits;
        """;

    private Report[] Reports() =>
    [
        SampleReport.Create(), RunReport.Build(run.Folder, CancellationToken.None),
        SweepReport.Build(SweepSamples.Of(60)), SweepReport.Build(SweepSamples.Of(60, 2, 3)),
    ];

    [Fact]
    public void PagesShowWellInBothThemesAndOnAPhone()
    {
        if (!WebDriver.IsInstalled(output))
            return;
        using var folder = new TemporaryFolder();
        using var browser = new WebDriver();
        string[] names = ["sample", "run", "sweep", "sweep-two-objectives"];
        foreach ((string name, Report report) in names.Zip(Reports()))
        {
            string page = folder.PathOf($"{name}.html");
            HtmlReport.Write(report, page);
            browser.Open(page);
            var pictures = new List<byte[]>();
            (int, bool)[] windows = [(1280, false), (1280, true), (360, false)];
            foreach ((int width, bool isDark) in windows)
            {
                byte[] picture = browser.Screenshot(width, isDark);
                pictures.Add(picture);
                string theme = isDark ? "dark" : "light";
                File.WriteAllBytes(
                    Path.Combine(s_pictures, $"{name}-{width}-{theme}.png"), picture);
                Assert.Empty(browser.Run(FindMisfits)!.AsArray());
            }
            Assert.NotEqual(pictures[0], pictures[1]);
            AssertQuiet(browser, page);
        }
    }

    [Fact]
    public void TheDarkThemeIsDarkAndLegible()
    {
        if (!WebDriver.IsInstalled(output))
            return;
        using var folder = new TemporaryFolder();
        using var browser = new WebDriver();
        string page = folder.PathOf("sample.html");
        HtmlReport.Write(SampleReport.Create(), page);
        browser.Open(page);
        foreach (bool isDark in new[] { false, true })
        {
            browser.Screenshot(1280, isDark);
            double paper = Luminance(browser, "body", "backgroundColor");
            Assert.Equal(isDark, paper < 0.2);
            string[] selectors = ["p", ".answer", "td", "thead button", "a", "summary", "code"];
            foreach (string selector in selectors)
            {
                double ink = Luminance(browser, selector, "color");
                double contrast = (Math.Max(ink, paper) + 0.05) / (Math.Min(ink, paper) + 0.05);
                Assert.True(contrast >= 4.5, $"{selector} has a contrast of {contrast:F1}");
            }
            // Text in charts follows the theme.
            string fill = browser.Run(
                "return document.querySelector('.plot svg text').getAttribute('fill')")!
                .GetValue<string>();
            Assert.Contains(fill, new[] { Variable(browser, "soft"), Variable(browser, "ink") });
        }
    }

    [Fact]
    public void TablesSortByClickAndByKey()
    {
        if (!WebDriver.IsInstalled(output))
            return;
        using var folder = new TemporaryFolder();
        using var browser = new WebDriver();
        string page = folder.PathOf("sample.html");
        HtmlReport.Write(SampleReport.Create(), page);
        browser.Open(page);
        const string head = "table thead th:nth-child({0}) button";
        Assert.Equal(["pear", "apple", "fig"], FirstColumn(browser));
        browser.Click(string.Format(null, head, 2));
        // By number, not by letter; what is missing stays last.
        Assert.Equal(["apple", "pear", "fig"], FirstColumn(browser));
        Assert.Equal("ascending", Sorted(browser, 2));
        browser.Type(string.Format(null, head, 2), EnterKey);
        Assert.Equal(["pear", "apple", "fig"], FirstColumn(browser));
        Assert.Equal("descending", Sorted(browser, 2));
        browser.Type(string.Format(null, head, 1), EnterKey);
        Assert.Equal(["apple", "fig", "pear"], FirstColumn(browser));
        Assert.Equal("none", Sorted(browser, 2));
        browser.Click(string.Format(null, head, 3));
        Assert.Equal(["pear", "apple", "fig"], FirstColumn(browser));
        // Words with numbers in them sort by these.
        browser.Click(string.Format(null, head, 4));
        Assert.Equal(["pear", "fig", "apple"], FirstColumn(browser));
        Assert.StartsWith(
            "Sorted by ",
            browser.Run("return document.getElementById('announcement').textContent")!
                .GetValue<string>(),
            StringComparison.Ordinal);
        AssertQuiet(browser, page);
    }

    [Fact]
    public void ThousandsOfRowsSortAtOnceAndAreShownWhenAskedFor()
    {
        if (!WebDriver.IsInstalled(output))
            return;
        using var folder = new TemporaryFolder();
        using var browser = new WebDriver();
        string page = folder.PathOf("sweep.html");
        HtmlReport.Write(SweepReport.Build(SweepSamples.Of(5000)), page);
        browser.Open(page);
        const string shown = "return [...document.querySelectorAll("
            + "'section table[data-rows-shown] tbody')].map(body => [...body.rows]"
            + ".filter(row => !row.hidden).length).reduce((a, b) => Math.max(a, b))";
        Assert.Equal(100, browser.Run(shown)!.GetValue<int>());
        browser.Click("section[aria-labelledby=trials] thead th:nth-child(1) button");
        Assert.Equal(
            ["0", "1", "2"],
            FirstColumn(browser, "section[aria-labelledby=trials] tbody").Take(3));
        Assert.Equal(100, browser.Run(shown)!.GetValue<int>());
        double milliseconds = browser.Run(
            "const from = performance.now(); document.querySelector("
            + "'section[aria-labelledby=trials] thead th:nth-child(2) button').click();"
            + "document.body.offsetHeight; return performance.now() - from")!.GetValue<double>();
        output.WriteLine($"sorting 5,000 rows took {milliseconds:F0} ms");
        browser.Click(".more");
        Assert.Equal(5000, browser.Run(shown)!.GetValue<int>());
        File.WriteAllBytes(
            Path.Combine(s_pictures, "sweep-5000-1280-light.png"),
            browser.Screenshot(1280, isDark: false));
        AssertQuiet(browser, page);
    }

    [Fact]
    public void PagesPrint()
    {
        if (!WebDriver.IsInstalled(output))
            return;
        using var folder = new TemporaryFolder();
        using var browser = new WebDriver();
        foreach ((string name, Report report) in new[] { "sample", "run", "sweep" }.Zip(Reports()))
        {
            string page = folder.PathOf($"{name}.html");
            HtmlReport.Write(report, page);
            browser.Open(page);
            browser.Show(1280, 900, isDark: true);
            byte[] paper = browser.Print();
            File.WriteAllBytes(Path.Combine(s_pictures, $"{name}.pdf"), paper);
            string text = Encoding.Latin1.GetString(paper);
            Assert.StartsWith("%PDF-", text, StringComparison.Ordinal);
            int pages = text.Split("/Type /Page\n").Length - 1;
            Assert.InRange(pages, 2, 40);
            // Every chart was drawn for the paper, also those that nobody had scrolled to.
            Assert.Empty(browser.Run(FindMisfits)!.AsArray());
            AssertQuiet(browser, page);
        }
    }

    /// <summary>Nothing on the console, and no address but the page's own and data in it.</summary>
    private static void AssertQuiet(WebDriver browser, string page)
    {
        Assert.Empty(browser.Log("browser").Select(entry => entry["message"]!.GetValue<string>()));
        string[] addresses =
        [
            .. browser.Log("performance")
                .Select(entry => JsonNode.Parse(
                    entry["message"]!.GetValue<string>())!["message"]!)
                .Where(message => message["method"]!.GetValue<string>()
                    == "Network.requestWillBeSent")
                .Select(message => message["params"]!["request"]!["url"]!.GetValue<string>())
                // The browser's own first page is made of chrome: addresses.
                .Where(address => new Uri(address).Scheme is not ("data" or "chrome"))
                .Distinct(),
        ];
        Assert.Equal([new Uri(page).AbsoluteUri], addresses);
    }

    private static string[] FirstColumn(WebDriver browser, string body = "tbody") =>
    [
        .. browser.Run(
            $"return [...document.querySelector('{body}').rows]"
            + ".map(row => row.cells[0].textContent)")!
            .AsArray().Select(text => text!.GetValue<string>()),
    ];

    private static string Sorted(WebDriver browser, int column) => browser.Run(
        $"return document.querySelector('table thead th:nth-child({column})').ariaSort")!
        .GetValue<string>();

    private static string Variable(WebDriver browser, string name) => browser.Run(
        $"return getComputedStyle(document.documentElement).getPropertyValue('--{name}').trim()")!
        .GetValue<string>();

    /// <summary>As the WCAG define it.</summary>
    private static double Luminance(WebDriver browser, string selector, string property)
    {
        string colour = browser.Run(
            $"return getComputedStyle(document.querySelector('{selector}')).{property}")!
            .GetValue<string>();
        double[] parts =
        [
            .. colour[(colour.IndexOf('(', StringComparison.Ordinal) + 1)..^1].Split(',').Take(3)
                .Select(part => double.Parse(
                    part, System.Globalization.CultureInfo.InvariantCulture) / 255)
                .Select(part => part <= 0.04045
                    ? part / 12.92 : Math.Pow((part + 0.055) / 1.055, 2.4)),
        ];
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
    }
}
