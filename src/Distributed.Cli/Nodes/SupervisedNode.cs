using System.Diagnostics;
using Distributed.Kernel;

namespace Distributed.Cli.Nodes;

/// <summary>
/// One node of the single-machine cluster: started again whenever its process ends unasked, until
/// it ends too often at once. A worker that ends in good order was asked to, and stays away.
/// </summary>
internal sealed class SupervisedNode : IAsyncDisposable
{
    /// <summary>A process that ends sooner than this has hardly worked.</summary>
    private static readonly TimeSpan HealthyTime = TimeSpan.FromSeconds(3);

    /// <summary>So many in a row that never got to say a word on standard output.</summary>
    private const int FailedStartsMax = 5;

    /// <summary>So many in a row that did: somebody may be killing them.</summary>
    private const int ShortLivesMax = 30;

    private const int DelayDoublingsMax = 3;

    private readonly string _logFile;
    private readonly TimeSpan _restartDelay;
    private readonly Action<string> _notice;
    private readonly TimeSpan? _stopGrace;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _left =
        new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ChildProcess _process;
    private Task _watching = Task.CompletedTask;

    private SupervisedNode(
        ChildProcess process, string logFile, TimeSpan restartDelay, Action<string> notice,
        TimeSpan? stopGrace)
    {
        _stopGrace = stopGrace;
        _process = process;
        _logFile = logFile;
        _restartDelay = restartDelay;
        _notice = notice;
    }

    /// <summary>The first line that its first process says on standard output.</summary>
    public Task<string> FirstLine => _process.FirstLine;

    /// <summary>
    /// Faults when the node cannot be kept alive; completes when it is disposed of.
    /// </summary>
    public Task Watching => _watching;

    /// <summary>Completes when its process has ended in good order, unasked by us.</summary>
    public Task Left => _left.Task;

    /// <param name="name">Shown to people.</param>
    /// <param name="arguments">The program's, at the first start.</param>
    /// <param name="logFile">Takes what its processes say on standard error.</param>
    /// <param name="restartDelay">Before it is started again.</param>
    /// <param name="notice">Told in one line of every restart.</param>
    /// <param name="stopGrace">What it gets to end by itself; null is a few seconds.</param>
    public static SupervisedNode Start(
        string name, IReadOnlyList<string> arguments, string logFile, TimeSpan restartDelay,
        Action<string> notice, TimeSpan? stopGrace = null) =>
        new(
            ChildProcess.Start(name, arguments, logFile), logFile, restartDelay, notice,
            stopGrace);

    /// <summary>From now on its process is started again when it ends.</summary>
    /// <param name="arguments">The program's.</param>
    /// <param name="mayLeave">But not when it ends in good order: the others can do without
    /// it.</param>
    public void Supervise(IReadOnlyList<string> arguments, bool mayLeave) =>
        _watching = WatchAsync(arguments, mayLeave);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _process.StopAsync(_stopGrace);
        _process.Dispose();
        _stop.Dispose();
    }

    private async Task WatchAsync(IReadOnlyList<string> arguments, bool mayLeave)
    {
        int failedStarts = 0;
        while (true)
        {
            long started = Stopwatch.GetTimestamp();
            await _process.Exited.WaitAsync(_stop.Token);
            if (mayLeave && _process.HasEndedInOrder)
            {
                _notice(
                    $"{_process.Name} (process {_process.ProcessId}) has left the cluster as it "
                    + "was asked to; it is not started again");
                _left.TrySetResult();
                await Task.Delay(Timeout.Infinite, _stop.Token);
            }

            bool wasHealthy = Stopwatch.GetElapsedTime(started) >= HealthyTime;
            failedStarts = wasHealthy ? 0 : failedStarts + 1;
            int most = _process.FirstLine.IsCompletedSuccessfully
                ? ShortLivesMax
                : FailedStartsMax;
            string ending = $"{_process.Name} (process {_process.ProcessId}) ended with "
                + _process.Ending;
            if (failedStarts >= most)
            {
                throw new OperatingException(
                    $"{ending}, {failedStarts} times in a row within "
                    + $"{HealthyTime.TotalSeconds:0} s of its start: expected it to go on; its "
                    + $"log is {_logFile}");
            }

            _notice($"{ending}; starting it again");
            int doublings = Math.Min(failedStarts, DelayDoublingsMax);
            await Task.Delay(_restartDelay * (1 << doublings), _stop.Token);
            ChildProcess ended = _process;
            _process = ChildProcess.Start(ended.Name, arguments, _logFile);
            ended.Dispose();
        }
    }
}
