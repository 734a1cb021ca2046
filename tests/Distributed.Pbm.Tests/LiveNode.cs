using Distributed.Cluster.Configuration;
using Distributed.Cluster.Coordination;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Observers;
using Distributed.Runtime.Pbm;
using Distributed.Runtime.Security;

namespace Distributed.Pbm.Tests;

/// <summary>A coordinator without workers that answers pbm.</summary>
internal sealed class LiveNode : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("distributed-pbm-").FullName;
    private CoordinatorNode? _coordinator;
    private PbmServer? _server;

    public string Address => _server!.Address;

    public static async Task<LiveNode> StartAsync()
    {
        var node = new LiveNode();
        node._coordinator = await node.StartCoordinatorAsync();
        node._server = await node.StartServerAsync(port: 0, mayTakeAnyPort: false);
        ClusterReadModel model = node._coordinator.ReadModel;
        while (model.Overview() is { Term: 0, Version: var version })
            await model.ChangedAsync(version, CancellationToken.None);
        return node;
    }

    public Task<PbmServer> StartServerAsync(int port, bool mayTakeAnyPort) => PbmServer.StartAsync(
        _coordinator!,
        new PbmOptions(
            new ClusterSettings { Pbm = new PbmSettings { Port = port } }, "1.2.3",
            new LogThreshold(LogLevel.Info), mayTakeAnyPort),
        CancellationToken.None);

    public async Task StopServerAsync() => await _server!.DisposeAsync();

    public async ValueTask DisposeAsync()
    {
        await _server!.DisposeAsync();
        await _coordinator!.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private Task<CoordinatorNode> StartCoordinatorAsync() => CoordinatorNode.StartAsync(
        "127.0.0.1:0", port => $"127.0.0.1:{port}", Path.Combine(_folder, "cluster.db"),
        new CoordinatorSettings(), TimeSpan.FromSeconds(5), RpcSecurity.None, _ => { },
        CancellationToken.None);
}

/// <summary>What a client said, and how it ended.</summary>
internal sealed record Said(int ExitCode, string Output, string Error)
{
    public static async Task<Said> RunAsync(
        string input, bool isInteractive, Action<string>? onOutput, params string[] words)
    {
        var output = new WatchedWriter(onOutput);
        var error = new StringWriter();
        int exitCode = await Client.RunAsync(
            words,
            new ClientTerminal(
                output, error, new StringReader(input), isInteractive, HasColours: false, 100));
        return new Said(
            exitCode, output.ToString().ReplaceLineEndings("\n"),
            error.ToString().ReplaceLineEndings("\n"));
    }

    public static Task<Said> RunAsync(params string[] words) =>
        RunAsync("", isInteractive: false, onOutput: null, words);

    private sealed class WatchedWriter(Action<string>? onLine) : StringWriter
    {
        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            onLine?.Invoke(value ?? "");
        }
    }
}
