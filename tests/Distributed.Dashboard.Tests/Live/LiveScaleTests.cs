using Distributed.Dashboard.Tests.Browser;
using Xunit.Abstractions;

namespace Distributed.Dashboard.Tests.Live;

/// <summary>
/// A thousand workers that report several times a second and a sweep of a hundred thousand trials:
/// the page is there at once, and whatever is done on it is done at once. How long it took is
/// printed; the limits are wide, as the machine may have other things to do.
/// <c>DISTRIBUTED_PAGE_LIMITS=1</c> holds the page to one second and to 100 ms, for a machine that
/// has nothing else to do.
/// </summary>
public sealed class LiveScaleTests(ITestOutputHelper output)
{
    private const int Workers = 1000;
    private const int Trials = 100_000;

    private static readonly bool s_isStrict =
        Environment.GetEnvironmentVariable("DISTRIBUTED_PAGE_LIMITS") == "1";

    private static readonly double s_loadMsMax = s_isStrict ? 1000 : 30_000;
    private static readonly double s_interactionMsMax = s_isStrict ? 100 : 5_000;

    [Fact]
    public async Task AThousandWorkersAndAHundredThousandTrialsAreShownAtOnce()
    {
        if (!WebDriver.IsInstalled(output))
            return;
        await using ReplayedCluster cluster = await ReplayedCluster.StartAsync();
        cluster.Begin(Workers);
        cluster.Advance(24);
        cluster.BeginSweep(Trials, 2 * Trials);
        await cluster.SettleAsync();
        using var stop = new CancellationTokenSource();
        Task pump = PumpAsync(cluster, stop.Token);
        try
        {
            Visit(cluster);
        }
        finally
        {
            await stop.CancelAsync();
            await pump;
        }
    }

    private void Visit(ReplayedCluster cluster)
    {
        using var browser = new WebDriver();
        browser.Show(1280, 900, isDark: false);
        browser.Open(cluster);
        browser.Until($"document.querySelectorAll('.map .cell').length === {Workers}");
        Check("load", s_loadMsMax, browser.Run(
            "return performance.getEntriesByName('shown')[0].startTime")!.GetValue<double>());
        browser.Run("""
            window.long = [];
            new PerformanceObserver(list => window.long.push(...list.getEntries()
                .map(entry => entry.duration))).observe({ type: "longtask" });
            """);
        LivePage.Save("thousand-1280-light", browser.Screenshot(1280, isDark: false));
        LivePage.Save("thousand-1280-dark", browser.Picture(1280, 900, isDark: true));
        browser.Show(1280, 900, isDark: false);
        Interact(browser, "hover over a worker", """
            document.querySelectorAll(".map .cell")[500]
                .dispatchEvent(new MouseEvent("mouseover", { bubbles: true }));
            """);
        Interact(browser, "open the workers", "location.hash = '#/workers'");
        browser.Until("document.querySelector('table[aria-label=Workers]')");
        Interact(browser, "sort 1,000 workers", Click("thead th:nth-child(8) button"));
        Interact(browser, "filter 1,000 workers", Fill("worker-filter", "w99"));
        Interact(
            browser, "open a job", $"location.hash = '#/jobs/{ReplayedCluster.Job:x16}'");
        browser.Until("document.querySelector('.answer-line').textContent.startsWith('w2 ')");
        browser.Until("document.querySelectorAll('.plot[data-drawn]').length === 3");
        LivePage.Save("thousand-job-1280-light", browser.Screenshot(1280, isDark: false));
        browser.Show(1280, 900, isDark: false);
        Interact(browser, "hover over 1,000 ranks' steps", """
            const box = document.querySelector(".timeline").getBoundingClientRect();
            document.querySelector(".timeline").dispatchEvent(new MouseEvent("mousemove",
                { clientX: box.left + 600, clientY: box.top + 100 }));
            """);
        Interact(
            browser, "scroll 1,000 ranks",
            "document.querySelector('.timeline').scrollTop = 9000");
        VisitSweep(browser);
        foreach (string part in new[] { "events", "logs", "jobs", "" })
        {
            Interact(browser, $"go to /{part}", $"location.hash = '#/{part}'");
        }

        double longest = browser.Run("return Math.max(0, ...window.long)")!.GetValue<double>();
        int tasks = browser.Run("return window.long.length")!.GetValue<int>();
        output.WriteLine($"tasks over 50 ms: {tasks}, the longest {longest:F0} ms");
        browser.AssertQuiet(cluster);
    }

    private void VisitSweep(WebDriver browser)
    {
        Interact(
            browser, "open a sweep", $"location.hash = '#/sweeps/{ReplayedCluster.Sweep:x16}'");
        browser.Until(
            $"Number(document.querySelector('table[aria-label=Trials]')?.ariaRowCount) > {Trials}");
        browser.Until("document.querySelectorAll('.plot[data-drawn]').length === 2");
        const string heads = "table[aria-label=Trials] thead th:nth-child";
        Interact(browser, "sort 100,000 trials by a value", Click($"{heads}(3) button"));
        Interact(browser, "sort them the other way round", Click($"{heads}(3) button"));
        Interact(browser, "sort them by a word", Click($"{heads}(9) button"));
        Interact(browser, "filter them by a word", Fill("trial-filter", "adam"));
        Interact(browser, "filter them by a number", Fill("trial-filter", "rate<0.001"));
        Interact(browser, "filter them no more", Fill("trial-filter", ""));
        Interact(
            browser, "scroll to the middle", "document.querySelector("
                + "'table[aria-label=Trials]').parentElement.scrollTop = 1500000");
        LivePage.Save("trials-1280-light", browser.Screenshot(1280, isDark: false));
        browser.Show(1280, 900, isDark: false);
    }

    private static string Click(string selector) =>
        $"document.querySelector(\"{selector}\").click()";

    private static string Fill(string id, string text) =>
        $"const field = document.getElementById('{id}'); field.value = '{text}'; "
        + "field.dispatchEvent(new Event('input'))";

    /// <summary>From the doing until the browser has drawn what came of it.</summary>
    private void Interact(WebDriver browser, string name, string script)
    {
        double tookMs = browser.RunAsync(
            $$"""
            requestAnimationFrame(() => {
              const from = performance.now();
              {{script}};
              requestAnimationFrame(() => {
                const channel = new MessageChannel();
                channel.port1.onmessage = () => done(performance.now() - from);
                channel.port2.postMessage(0);
              });
            });
            """)!.GetValue<double>();
        Check(name, s_interactionMsMax, tookMs);
    }

    private void Check(string name, double mostMs, double tookMs)
    {
        output.WriteLine($"{name}: {tookMs:F0} ms");
        Assert.True(tookMs <= mostMs, $"{name} took {tookMs:F0} ms; at most {mostMs:F0} are good");
    }

    /// <summary>Every worker reports its steps about three times a second.</summary>
    private static async Task PumpAsync(ReplayedCluster cluster, CancellationToken stop)
    {
        int trial = Trials;
        while (!stop.IsCancellationRequested)
        {
            cluster.Advance(2);
            cluster.AddTrial(trial++);
            await Task.Delay(330, CancellationToken.None);
        }
    }
}
