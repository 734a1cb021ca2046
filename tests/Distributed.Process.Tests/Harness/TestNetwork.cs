using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace Distributed.Process.Tests;

/// <summary>
/// Hosts of their own on this machine, each a network namespace with one interface, on a switch
/// that is this process: it can cut any way between two hosts, delay and lose what is sent. That
/// needs root, but neither packet filters nor traffic control of the kernel.
/// </summary>
internal sealed class TestNetwork : IDisposable
{
    private const string Prefix = "distributed-test-";
    private const int FrameSize = 1514;
    private const int AddressSize = 6;

    private static int s_networks;

    private readonly List<Host> _hosts = [];
    private readonly ConcurrentDictionary<(int From, int To), bool> _cuts = [];
    private readonly List<Thread> _threads = [];
    private readonly TokenFile _token = new();
    private readonly int _number = Interlocked.Increment(ref s_networks);
    private volatile bool _isClosed;

    public TestNetwork(int hostCount)
    {
        RemoveLeftOvers();
        try
        {
            for (int number = 0; number < hostCount; number++)
                _hosts.Add(CreateHost(number));
        }
        catch
        {
            Dispose();
            throw;
        }

        foreach (Host host in _hosts)
        {
            StartThread($"from host {host.Number}", () => Receive(host));
            StartThread($"to host {host.Number}", () => Deliver(host));
        }
    }

    /// <summary>How long a frame is under way.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>The share of frames that is lost.</summary>
    public double Loss { get; init; }

    /// <summary>Why there can be no such network here; null where there can.</summary>
    public static string? Obstacle()
    {
        if (!Environment.IsPrivilegedProcess)
            return "network namespaces need root";
        if (!File.Exists(TapDevice.Control))
            return $"this system has no {TapDevice.Control}";
        try
        {
            using var probe = new TestNetwork(1);
            return null;
        }
        catch (Exception failure) when (failure is InvalidOperationException or IOException
            or UnauthorizedAccessException or System.ComponentModel.Win32Exception)
        {
            return $"no network namespace can be made: {failure.Message}";
        }
    }

    public static string AddressOf(int host) => $"10.213.77.{host + 1}";

    /// <summary>Starts the program on a host, with the token that ports between hosts ask
    /// for.</summary>
    public CommandRun Start(Workplace workplace, int host, params string[] arguments) =>
        CommandRun.Start(
            workplace,
            [
                "netns", "exec", NameOf(host), "env", $"SECURITY__TOKEN_FILE={_token.Path}",
                Repository.Program, .. arguments,
            ],
            "ip");

    /// <summary>From now on nothing gets from one host to the other; the way back stays.</summary>
    public void Cut(int from, int to) => _cuts[(from, to)] = true;

    /// <summary>Takes a host's plug out.</summary>
    public void Isolate(int host)
    {
        foreach (Host other in _hosts.Where(other => other.Number != host))
        {
            Cut(host, other.Number);
            Cut(other.Number, host);
        }
    }

    /// <summary>Mends all ways.</summary>
    public void Heal() => _cuts.Clear();

    public void Dispose()
    {
        _isClosed = true;
        foreach (Thread thread in _threads)
            thread.Join();
        foreach (Host host in _hosts)
        {
            host.Device.Dispose();
            Run($"netns delete {NameOf(host.Number)}");
        }

        _token.Dispose();
    }

    private static void RemoveLeftOvers()
    {
        foreach (string line in Run("netns list").Split('\n'))
        {
            string name = line.Split(' ')[0];
            if (name.StartsWith(Prefix, StringComparison.Ordinal)
                && !Signals.IsAlive(int.Parse(
                    name[Prefix.Length..].Split('-')[0], CultureInfo.InvariantCulture)))
                Run($"netns delete {name}");
        }
    }

    private static string Run(string arguments)
    {
        using var process = System.Diagnostics.Process.Start(new ProcessStartInfo("ip", arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"ip {arguments}: {errors.Result.Trim()}");
        return output;
    }

    private string NameOf(int host) => $"{Prefix}{Environment.ProcessId}-{_number}-{host}";

    private Host CreateHost(int number)
    {
        string name = NameOf(number);
        Run($"netns add {name}");
        // Short enough for an interface, and of this process alone.
        string wire = $"dt{Environment.ProcessId}n{_number}h{number}";
        var device = new TapDevice(wire);
        try
        {
            Run($"link set {wire} netns {name} name eth0 address 02:00:00:00:00:{number:x2}");
            Run($"-n {name} address add {AddressOf(number)}/24 dev eth0");
            Run($"-n {name} link set lo up");
            Run($"-n {name} link set eth0 up");
            return new Host(number, device);
        }
        catch
        {
            device.Dispose();
            Run($"netns delete {name}");
            throw;
        }
    }

    private void StartThread(string name, Action work)
    {
        var thread = new Thread(() => work()) { Name = name, IsBackground = true };
        thread.Start();
        _threads.Add(thread);
    }

    private void Receive(Host from)
    {
        var random = new Random(from.Number);
        var buffer = new byte[FrameSize];
        while (!_isClosed)
        {
            int length = from.Device.Read(buffer);
            if (length < AddressSize)
                continue;
            // The first byte's lowest bit says that all hosts are meant, the last byte whom else.
            bool isForAll = (buffer[0] & 1) != 0;
            long due = Stopwatch.GetTimestamp() + (long)(Delay.TotalSeconds * Stopwatch.Frequency);
            foreach (Host to in _hosts)
            {
                bool isMeant = isForAll ? to != from : to.Number == buffer[AddressSize - 1];
                if (isMeant && !_cuts.ContainsKey((from.Number, to.Number))
                    && random.NextDouble() >= Loss)
                    to.UnderWay.Add((due, buffer[..length]));
            }
        }
    }

    private void Deliver(Host to)
    {
        while (!_isClosed)
        {
            if (!to.UnderWay.TryTake(out var next, millisecondsTimeout: 100))
                continue;
            TimeSpan early = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), next.Due);
            if (early > TimeSpan.Zero)
                Thread.Sleep(early);
            to.Device.Write(next.Frame);
        }
    }

    private sealed record Host(int Number, TapDevice Device)
    {
        public BlockingCollection<(long Due, byte[] Frame)> UnderWay { get; } = [];
    }
}
