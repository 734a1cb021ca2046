using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Xunit.Abstractions;

namespace Distributed.Dashboard.Tests.Browser;

/// <summary>
/// Debian's Chromium without a window, told what to do over WebDriver on the loopback.
/// </summary>
internal sealed class WebDriver : IDisposable
{
    private const string Driver = "/usr/bin/chromedriver";
    private const string Chromium = "/usr/bin/chromium";

    private readonly TemporaryFolder _profile = new();
    private readonly Process _process;
    private readonly HttpClient _http;
    private readonly string _session;

    public WebDriver()
    {
        int port = FreePort();
        _process = Process.Start(new ProcessStartInfo(Driver, [$"--port={port}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _process.OutputDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginErrorReadLine();
        _http = new HttpClient(new SocketsHttpHandler { UseProxy = false })
        {
            BaseAddress = new Uri($"http://127.0.0.1:{port}"),
            Timeout = TimeSpan.FromMinutes(5),
        };
        WaitUntilReady();
        _session = Send(HttpMethod.Post, "/session", Capabilities())!["sessionId"]!
            .GetValue<string>();
    }

    /// <summary>Says so where a test cannot be made.</summary>
    public static bool IsInstalled(ITestOutputHelper output)
    {
        bool isInstalled = File.Exists(Driver) && File.Exists(Chromium);
        if (!isInstalled)
        {
            output.WriteLine(
                "NOT CHECKED: no browser on this machine; "
                + "apt-get install chromium chromium-driver");
        }
        return isInstalled;
    }

    public void Open(string file) => Open(new Uri(Path.GetFullPath(file)));

    public void Open(Uri address) => Post("/url", new JsonObject
    {
        ["url"] = address.AbsoluteUri,
    });

    /// <summary>What a JavaScript function body returns.</summary>
    public JsonNode? Run(string script) => Post(
        "/execute/sync", new JsonObject { ["script"] = script, ["args"] = new JsonArray() });

    /// <summary>What a JavaScript function body gives to <c>done(value)</c>.</summary>
    public JsonNode? RunAsync(string script) => Post(
        "/execute/async", new JsonObject
        {
            ["script"] = "const done = arguments[0];" + script,
            ["args"] = new JsonArray(),
        });

    /// <summary>Returns once a JavaScript expression holds; fails where it never does.</summary>
    public void Until(string expression)
    {
        var waited = Stopwatch.StartNew();
        while (!Run($"return Boolean({expression})")!.GetValue<bool>())
        {
            Assert.True(
                waited.Elapsed < TimeSpan.FromSeconds(60),
                $"{expression} never held: {Run("return document.body.innerText")}");
            Thread.Sleep(20);
        }
    }

    public string Text(string selector) => Run(
        $"return document.querySelector({JsonValue.Create(selector)!.ToJsonString()}).textContent")!
        .GetValue<string>();

    /// <summary>What is in the window, and no more.</summary>
    public byte[] Picture(int width, int height, bool isDark)
    {
        Show(width, height, isDark);
        JsonNode shot = Chrome(
            "Page.captureScreenshot", new JsonObject { ["format"] = "png" })!;
        return Convert.FromBase64String(shot["data"]!.GetValue<string>());
    }

    /// <summary>A command of Chromium's own protocol.</summary>
    public JsonNode? Chrome(string command, JsonObject parameters) => Post(
        "/goog/cdp/execute", new JsonObject { ["cmd"] = command, ["params"] = parameters });

    public void Click(string selector) => Post($"/element/{Find(selector)}/click", []);

    /// <summary>Types into an element; the return key is U+E007.</summary>
    public void Type(string selector, string text) =>
        Post($"/element/{Find(selector)}/value", new JsonObject { ["text"] = text });

    /// <summary>Messages of a log since it was last asked for.</summary>
    public IReadOnlyList<JsonNode> Log(string kind) =>
        [.. Post("/se/log", new JsonObject { ["type"] = kind })!.AsArray()!];

    public byte[] Print() => Convert.FromBase64String(
        Post("/print", new JsonObject { ["background"] = true })!.GetValue<string>());

    /// <summary>The whole page, in a window of that width and with those colours.</summary>
    public byte[] Screenshot(int width, bool isDark)
    {
        Show(width, 900, isDark);
        // Twice, because charts that come into sight then may make the page longer.
        int height = 0;
        for (int round = 0; round < 2; round++)
        {
            height = Run("return document.documentElement.scrollHeight")!.GetValue<int>();
            Show(width, height, isDark);
            Settle();
        }
        JsonNode shot = Chrome("Page.captureScreenshot", new JsonObject
        {
            ["format"] = "png",
        })!;
        return Convert.FromBase64String(shot["data"]!.GetValue<string>());
    }

    public void Show(int width, int height, bool isDark)
    {
        Chrome("Emulation.setDeviceMetricsOverride", new JsonObject
        {
            ["width"] = width,
            ["height"] = height,
            ["deviceScaleFactor"] = 1,
            ["mobile"] = false,
        });
        Chrome("Emulation.setEmulatedMedia", new JsonObject
        {
            ["features"] = new JsonArray(new JsonObject
            {
                ["name"] = "prefers-color-scheme",
                ["value"] = isDark ? "dark" : "light",
            }),
        });
        Settle();
    }

    /// <summary>Returns once the page has been drawn with all that was asked for before.</summary>
    public void Settle() => Post("/execute/async", new JsonObject
    {
        ["script"] = "const done = arguments[0];"
            + "requestAnimationFrame(() => setTimeout(() => requestAnimationFrame("
            + "() => setTimeout(done, 50)), 50));",
        ["args"] = new JsonArray(),
    });

    public void Dispose()
    {
        try
        {
            Send(HttpMethod.Delete, $"/session/{_session}", null);
        }
        finally
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
            _process.Dispose();
            _http.Dispose();
            _profile.Dispose();
        }
    }

    private JsonObject Capabilities() => new()
    {
        ["capabilities"] = new JsonObject
        {
            ["alwaysMatch"] = new JsonObject
            {
                ["browserName"] = "chrome",
                ["goog:loggingPrefs"] = new JsonObject
                {
                    ["browser"] = "ALL",
                    ["performance"] = "ALL",
                },
                ["goog:chromeOptions"] = new JsonObject
                {
                    ["binary"] = Chromium,
                    ["args"] = new JsonArray(
                        "--headless=new", "--no-sandbox", "--disable-gpu",
                        "--disable-background-networking", "--disable-component-update",
                        "--disable-sync", "--no-first-run", "--no-default-browser-check",
                        "--disable-extensions", "--hide-scrollbars",
                        "--force-prefers-reduced-motion",
                        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                        "--window-size=1280,900",
                        $"--user-data-dir={_profile.Path}"),
                },
            },
        },
    };

    private string Find(string selector)
    {
        JsonNode element = Post("/element", new JsonObject
        {
            ["using"] = "css selector",
            ["value"] = selector,
        })!;
        return element.AsObject().Single().Value!.GetValue<string>();
    }

    private JsonNode? Post(string path, JsonObject body) =>
        Send(HttpMethod.Post, $"/session/{_session}{path}", body);

    private JsonNode? Send(HttpMethod method, string path, JsonObject? body)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            // The driver does not read bodies in chunks.
            request.Content = new StringContent(
                body.ToJsonString(), System.Text.Encoding.UTF8, "application/json");
        }
        using HttpResponseMessage response = _http.Send(request);
        using Stream content = response.Content.ReadAsStream();
        JsonNode? value = JsonNode.Parse(content)?["value"];
        Assert.True(response.IsSuccessStatusCode, $"{method} {path}: {value}");
        return value;
    }

    private void WaitUntilReady()
    {
        const int attemptsMax = 300;
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                Send(HttpMethod.Get, "/status", null);
                return;
            }
            catch (HttpRequestException) when (attempt < attemptsMax && !_process.HasExited)
            {
                Thread.Sleep(100);
            }
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
