using System.Text.Json.Nodes;
using Distributed.Dashboard.Tests.Browser;

namespace Distributed.Dashboard.Tests.Live;

/// <summary>What all tests of the page in a browser need.</summary>
internal static class LivePage
{
    private static readonly string s_pictures = Directory.CreateDirectory(
        Path.Combine(AppContext.BaseDirectory, "screenshots")).FullName;

    public static void Open(this WebDriver browser, ReplayedCluster cluster, string part = "")
    {
        browser.Open(new Uri(cluster.Server.Url, $"#/{part}"));
        browser.Until("document.body.dataset.shown === 'yes'");
    }

    /// <summary>As a click on a link would.</summary>
    public static void Go(this WebDriver browser, string part) =>
        browser.Run($"location.hash = '#/{part}'");

    public static void Save(string name, byte[] picture) =>
        File.WriteAllBytes(Path.Combine(s_pictures, $"live-{name}.png"), picture);

    /// <summary>Nothing juts out of the page, whatever its width.</summary>
    public static void AssertFits(this WebDriver browser) => Assert.Equal(
        "",
        browser.Run(
            """
            const wide = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= wide) return "";
            return [...document.querySelectorAll("main *")].filter(element =>
                element.getBoundingClientRect().right > wide + 1
                && !element.closest(".table, .timeline, nav"))
                .map(element => element.outerHTML.slice(0, 120)).join("\n");
            """)!.GetValue<string>());

    /// <summary>Nothing on the console, and no address but the dashboard's own.</summary>
    public static void AssertQuiet(this WebDriver browser, ReplayedCluster cluster)
    {
        Assert.Empty(browser.Log("browser").Select(entry => entry["message"]!.GetValue<string>()));
        Assert.All(
            browser.Log("performance")
                .Select(entry => JsonNode.Parse(
                    entry["message"]!.GetValue<string>())!["message"]!)
                .Where(message => message["method"]!.GetValue<string>()
                    == "Network.requestWillBeSent")
                .Select(message => message["params"]!["request"]!["url"]!.GetValue<string>())
                .Where(address => new Uri(address).Scheme is not ("data" or "chrome")),
            address => Assert.StartsWith(
                cluster.Server.Url.AbsoluteUri, address, StringComparison.Ordinal));
    }
}
