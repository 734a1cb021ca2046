using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Membership;
using Distributed.Cluster.Observers;
using Distributed.Dashboard.Tests.Browser;
using Distributed.Kernel;
using Xunit.Abstractions;

namespace Distributed.Dashboard.Tests.Live;

/// <summary>
/// The dashboard in a real browser, over a cluster that is replayed: what changes in the read model
/// is what the page shows, and all of it can be used by mouse, by keyboard and on a phone. Pictures
/// are left in the test's output folder under screenshots.
/// </summary>
public sealed class LivePageTests(ITestOutputHelper output)
{
    private const string DownKey = "\uE015";
    private const string RightKey = "\uE014";
    private const string EnterKey = "\uE007";
    private const string Evil = "<img src=x onerror=document.title='owned'>";
    private static readonly string s_job = $"jobs/{ReplayedCluster.Job:x16}";
    private static readonly string s_sweep = $"sweeps/{ReplayedCluster.Sweep:x16}";

    [Fact]
    public async Task TheOverviewFollowsTheCluster()
    {
        if (!WebDriver.IsInstalled(output))
            return;
        await using ReplayedCluster cluster = await ReplayedCluster.StartAsync();
        cluster.Begin(8);
        cluster.Advance(5);
        await cluster.SettleAsync();
        using var browser = new WebDriver();
        browser.Open(cluster);
        Assert.Equal("Live", browser.Text("#link"));
        browser.Until("document.querySelectorAll('.map .cell').length === 8");
        // Who holds up the others is named, on the map and in the job's card.
        browser.Until("document.querySelector('.map .cell.slow .name').textContent === 'w2'");
        Assert.Contains("w2 (rank 2)", browser.Text(".slow-note"), StringComparison.Ordinal);
        cluster.Advance(95);
        browser.Until("document.querySelector('.card .state').textContent.includes('step 100 of')");
        cluster.Join(8);
        browser.Until("document.querySelectorAll('.map .cell').length === 9");
        cluster.Tell(new UnreachableMember(ReplayedCluster.Member(4), "its connection broke"));
        browser.Until("document.querySelectorAll('.map .cell.unreachable').length === 1");
        cluster.Tell(new MemberDowned(ReplayedCluster.Member(4), "its process was killed"));
        cluster.Tell(new MemberRemoved(ReplayedCluster.Member(4), "its process was killed"));
        long told = Environment.TickCount64;
        browser.Until("document.querySelector('.troubles')?.innerText.includes("
            + "'its process was killed')");
        output.WriteLine(
            $"a killed worker was on the page after {Environment.TickCount64 - told} ms");
        browser.Until("document.querySelector('.map .cell.gone')");
        Assert.Contains(
            "its process was killed", browser.Text("#failure"), StringComparison.Ordinal);
        browser.AssertQuiet(cluster);
    }

    [Fact]
    public async Task AJobShowsItsCurvesItsStepsAndWhyItFailed()
    {
        if (!WebDriver.IsInstalled(output))
            return;
        await using ReplayedCluster cluster = await ReplayedCluster.StartAsync();
        cluster.Begin(8);
        for (int round = 0; round < 30; round++)
            cluster.Advance(10);
        await cluster.SettleAsync();
        using var browser = new WebDriver();
        browser.Open(cluster, "jobs");
        browser.Until("document.querySelector('tbody tr.opens')");
        browser.Type("tbody tr.opens", EnterKey);
        browser.Until("document.querySelector('h1').textContent === 'course-cnn'");
        browser.Until("document.querySelectorAll('.plot[data-drawn] canvas').length === 3");
        browser.Until("document.querySelector('.answer-line').textContent.startsWith('w2 (rank 2)"
            + " holds up the others')");
        Assert.Equal("3", browser.Text("table[aria-label=Epochs] tbody th"));
        browser.Until("document.querySelector('.timeline canvas').height > 100");
        browser.Until("document.querySelector('[aria-label^=\"Ranks\"] tbody tr.opens, "
            + "[aria-label^=\"Ranks\"] tbody tr[aria-rowindex=\"2\"]').cells[1].textContent "
            + "=== 'w2'");
        LivePage.Save("job-1280-light", browser.Screenshot(1280, isDark: false));
        LivePage.Save("job-1280-dark", browser.Screenshot(1280, isDark: true));
        LivePage.Save("job-360-light", browser.Screenshot(360, isDark: false));
        browser.AssertFits();
        cluster.Tell(new JobHappened(
            ReplayedCluster.Job, new RunFailed(1, $"the disk is full {Evil}")));
        browser.Until(
            "document.querySelector('.why.failure').textContent.includes('disk is full')");
        browser.AssertQuiet(cluster);
    }

    [Fact]
    public async Task ASweepSortsFiltersAndIsDrawn()
    {
        if (!WebDriver.IsInstalled(output))
            return;
        await using ReplayedCluster cluster = await ReplayedCluster.StartAsync();
        cluster.Begin(2);
        cluster.BeginSweep(500, 600);
        await cluster.SettleAsync();
        using var browser = new WebDriver();
        browser.Open(cluster, s_sweep);
        const string trials = "document.querySelector('table[aria-label=Trials]')";
        browser.Until($"{trials}?.ariaRowCount === '501'");
        browser.Until("document.querySelectorAll('.plot[data-drawn] canvas').length === 2");
        string first() => browser.Run(
            $"return {trials}.querySelector('[aria-rowindex=\"2\"]').cells[2].textContent")!
            .GetValue<string>();
        double value() => double.Parse(first().TrimEnd('%', ' '), null);
        browser.Click("table[aria-label=Trials] thead th:nth-child(3) button");
        double least = value();
        browser.Type("table[aria-label=Trials] thead th:nth-child(3) button", EnterKey);
        Assert.True(value() > least);
        Assert.Equal(
            "descending", browser.Run($"return {trials}.querySelector('th:nth-child(3)').ariaSort")!
                .GetValue<string>());
        browser.Type("#trial-filter", "adam rate<0.01");
        browser.Until($"Number({trials}.ariaRowCount) < 300");
        Assert.True(browser.Run(
            $$"""
            return [...{{trials}}.querySelectorAll("tr.opens")].every(row =>
                Number(row.cells[6].textContent) < 0.01 && row.cells[8].textContent === "adam");
            """)!.GetValue<bool>());
        browser.Run("const filter = document.getElementById('trial-filter'); filter.value = ''; "
            + "filter.dispatchEvent(new Event('input'))");
        browser.Run("const state = document.getElementById('trial-state'); state.value = 'failed'; "
            + "state.dispatchEvent(new Event('change'))");
        browser.Until($"{trials}.ariaRowCount === '21'");
        // A reason is text, whatever it looks like.
        Assert.Contains("<b>here</b>", browser.Text("table[aria-label=Trials] tr.opens"),
            StringComparison.Ordinal);
        browser.Run("const state = document.getElementById('trial-state'); state.value = ''; "
            + "state.dispatchEvent(new Event('change'))");
        cluster.AddTrial(500);
        browser.Until($"{trials}.ariaRowCount === '502'");
        LivePage.Save("sweep-1280-light", browser.Screenshot(1280, isDark: false));
        LivePage.Save("sweep-1280-dark", browser.Screenshot(1280, isDark: true));
        LivePage.Save("sweep-360-light", browser.Screenshot(360, isDark: false));
        browser.AssertFits();
        browser.AssertQuiet(cluster);
    }

    [Fact]
    public async Task WhatWorkersSayIsTextAndLogsFilter()
    {
        if (!WebDriver.IsInstalled(output))
            return;
        await using ReplayedCluster cluster = await ReplayedCluster.StartAsync();
        cluster.Lead();
        cluster.Join(0, Evil);
        cluster.Join(1);
        cluster.Tell(new UnreachableMember(ReplayedCluster.Member(0, Evil), $"gone {Evil}"));
        foreach (ActorLogLevel level in Enum.GetValues<ActorLogLevel>())
        {
            for (int line = 0; line < 40; line++)
            {
                cluster.Tell(new WorkerLogged(
                    ReplayedCluster.Worker(line % 2, line % 2 == 0 ? Evil : null),
                    new WorkerLogLine(
                        DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(), level, "/worker",
                        $"line {line} {Evil}")));
            }
        }

        await cluster.SettleAsync();
        using var browser = new WebDriver();
        browser.Open(cluster);
        browser.Until("document.querySelector('.troubles')?.innerText.includes('gone <img')");
        foreach (string part in new[] { "workers", "workers/0000000000000001", "events", "logs" })
        {
            browser.Go(part);
            browser.Until("document.querySelector('main').innerText.includes('<img src=x')");
        }

        string rows = "document.querySelector('table[aria-label=\"Log lines\"]').ariaRowCount";
        string all = browser.Run($"return {rows}")!.GetValue<string>();
        browser.Run("const level = document.getElementById('log-level'); level.value = 'Error'; "
            + "level.dispatchEvent(new Event('change'))");
        browser.Until($"{rows} === '41'");
        Assert.NotEqual("41", all);
        browser.Run("const node = document.getElementById('log-node'); node.value = 'w1'; "
            + "node.dispatchEvent(new Event('change'))");
        browser.Until($"{rows} === '21'");
        LivePage.Save("logs-1280-light", browser.Screenshot(1280, isDark: false));
        Assert.Equal(0, browser.Run("return document.images.length")!.GetValue<int>());
        Assert.DoesNotContain(
            "owned", browser.Run("return document.title")!.GetValue<string>(),
            StringComparison.Ordinal);
        browser.AssertQuiet(cluster);
    }

    [Fact]
    public async Task TheKeyboardGoesEverywhereAndColoursSwitch()
    {
        if (!WebDriver.IsInstalled(output))
            return;
        await using ReplayedCluster cluster = await ReplayedCluster.StartAsync();
        cluster.Begin(24);
        cluster.Advance(5);
        cluster.Tell(new UnreachableMember(ReplayedCluster.Member(7), "its connection broke"));
        await cluster.SettleAsync();
        using var browser = new WebDriver();
        browser.Open(cluster);
        browser.Type(".skip", EnterKey);
        Assert.Equal("main", Focus(browser, "id"));
        browser.Until("document.querySelectorAll('.map .cell').length === 24");
        browser.Type(".map .cell[tabindex=\"0\"]", RightKey);
        Assert.StartsWith("w1:", Focus(browser, "ariaLabel"), StringComparison.Ordinal);
        LivePage.Save("overview-1280-light", browser.Screenshot(1280, isDark: false));
        LivePage.Save("overview-1280-dark", browser.Screenshot(1280, isDark: true));
        LivePage.Save("overview-360-light", browser.Screenshot(360, isDark: false));
        browser.AssertFits();
        browser.Show(1280, 900, isDark: false);
        browser.Go("workers");
        browser.Until("document.querySelector('tbody tr.opens')");
        browser.Type("tbody tr.opens", DownKey + DownKey);
        Assert.Equal("4", Focus(browser, "ariaRowIndex"));
        browser.Type("tbody tr[aria-rowindex=\"4\"]", EnterKey);
        browser.Until("document.getElementById('worker-heading')?.textContent.startsWith('w2:')");
        LivePage.Save("workers-1280-light", browser.Screenshot(1280, isDark: false));
        const string paper = "return getComputedStyle(document.body).backgroundColor";
        string light = browser.Run(paper)!.GetValue<string>();
        browser.Click("#theme");
        Assert.Equal(light, browser.Run(paper)!.GetValue<string>());
        browser.Click("#theme");
        Assert.NotEqual(light, browser.Run(paper)!.GetValue<string>());
        Assert.Contains(
            "dark", browser.Run("return document.getElementById('theme').ariaLabel")!
                .GetValue<string>(), StringComparison.Ordinal);
        browser.AssertQuiet(cluster);
    }

    [Fact]
    public async Task ALostConnectionIsSaidAndMadeUpFor()
    {
        if (!WebDriver.IsInstalled(output))
            return;
        await using ReplayedCluster cluster = await ReplayedCluster.StartAsync();
        cluster.Begin(2);
        await cluster.SettleAsync();
        using var browser = new WebDriver();
        browser.Open(cluster);
        await cluster.RestartServerAsync(() =>
        {
            browser.Until("!document.getElementById('lost').hidden");
            Assert.Equal("Not connected", browser.Text("#link"));
            LivePage.Save("lost-1280-light", browser.Screenshot(1280, isDark: false));
            cluster.Join(2);
            return Task.CompletedTask;
        });
        browser.Until("document.getElementById('link').textContent === 'Live'");
        browser.Until("document.querySelectorAll('.map .cell').length === 3");
        Assert.True(browser.Run("return document.getElementById('lost').hidden")!
            .GetValue<bool>());
    }

    [Fact]
    public async Task WithoutChartsTheTablesSayIt()
    {
        if (!WebDriver.IsInstalled(output))
            return;
        await using ReplayedCluster cluster = await ReplayedCluster.StartAsync();
        cluster.Begin(4);
        cluster.Advance(120);
        cluster.BeginSweep(40, 40);
        await cluster.SettleAsync();
        using var browser = new WebDriver();
        browser.Chrome("Network.enable", []);
        browser.Chrome("Network.setBlockedURLs", new System.Text.Json.Nodes.JsonObject
        {
            ["urls"] = new System.Text.Json.Nodes.JsonArray("*echarts*"),
        });
        browser.Open(cluster, s_job);
        browser.Until("document.querySelector('.charts').innerText.includes("
            + "'built without charts')");
        browser.Until("document.querySelector('table[aria-label=Epochs] tbody th')");
        browser.Go(s_sweep);
        browser.Until("document.querySelector('table[aria-label=Trials]')?.ariaRowCount === '41'");
    }

    private static string Focus(WebDriver browser, string property) => browser.Run(
        $"return document.activeElement.{property}")!.GetValue<string>();
}
