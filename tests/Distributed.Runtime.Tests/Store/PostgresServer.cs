using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Distributed.Runtime.Tests.Store;

/// <summary>
/// A PostgreSQL server of the test's own, from Debian's package: in a temporary folder, on a free
/// port of the loopback address, started when it is first needed. It ends with the process that
/// started it, however that ends.
/// </summary>
public sealed class PostgresServer : IDisposable
{
    public const string Password = "sécret; %41'@";

    private const string Binaries = "/usr/lib/postgresql";
    private const string User = "postgres";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Ends the server when its own input ends: then nobody is left who needs it.
    /// </summary>
    private const string Guard =
        """
        exec 2>/dev/null
        folder=$1; shift
        "$@" >>"$folder/log" 2>&1 &
        echo $!
        cat >/dev/null
        kill -QUIT %1
        wait
        """;

    private readonly string _folder =
        Directory.CreateTempSubdirectory("distributed-postgres-").FullName;

    private readonly Lock _lock = new();
    private readonly HashSet<string> _databases = [];
    private System.Diagnostics.Process? _guard;
    private int _serverId;
    private int _port;

    /// <summary>Null where PostgreSQL is not installed.</summary>
    public static string? BinaryFolder { get; } = !Directory.Exists(Binaries)
        ? null
        : Directory.GetDirectories(Binaries)
            .Where(version => File.Exists($"{version}/bin/initdb"))
            .OrderBy(version => double.Parse(
                Path.GetFileName(version), CultureInfo.InvariantCulture))
            .Select(version => $"{version}/bin")
            .LastOrDefault();

    /// <summary>The server's address, as a URL begins with it.</summary>
    public string Authority => $"127.0.0.1:{_port}";

    public void Dispose()
    {
        if (_guard is not null)
            Kill();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>The URL of a database of that name, which is made the first time.</summary>
    public string Database(string name)
    {
        lock (_lock)
        {
            if (_port == 0)
                Initialize();
            if (_guard is null)
                Start();

            if (_databases.Add(name))
                Execute(User, $"CREATE DATABASE \"{name}\"");
            return Url(User, Password, name);
        }
    }

    public string Url(string user, string password, string database) =>
        $"postgresql://{user}:{Uri.EscapeDataString(password)}@{Authority}/{database}";

    public void Execute(string database, string sql)
    {
        using NpgsqlConnection connection = Connect(database);
        using NpgsqlCommand command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    /// <summary>As the server's superuser.</summary>
    public NpgsqlConnection Connect(string database)
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1",
            Port = _port,
            Username = User,
            Password = Password,
            Database = database,
            Pooling = false,
        }.ConnectionString);
        connection.Open();
        return connection;
    }

    /// <summary>Kills the server as a crash would, with all that it has not committed.</summary>
    public void Kill()
    {
        System.Diagnostics.Process guard = _guard!;
        // The processes that serve connections would outlive the first one by an answer or two.
        Run("kill", "-STOP", Text(_serverId));
        string children = $"/proc/{_serverId}/task/{_serverId}/children";
        string[] serving = File.Exists(children)
            ? File.ReadAllText(children).Split(' ', StringSplitOptions.RemoveEmptyEntries)
            : [];
        Run(["kill", "-KILL", Text(_serverId), .. serving]);
        guard.StandardInput.Close();
        guard.WaitForExit();
        guard.Dispose();
        _guard = null;
        Assert.True(SpinWait.SpinUntil(
            () => serving.All(process => !Directory.Exists($"/proc/{process}")
                || IsZombie(process)),
            Patience));
    }

    /// <summary>Returns when the server takes connections.</summary>
    public void Start()
    {
        long started = Stopwatch.GetTimestamp();
        while (!TryStart())
        {
            // Processes of the one that was killed may be about to end, or the port be taken.
            string log = File.ReadAllText(Path.Combine(_folder, "log"));
            Assert.True(Stopwatch.GetElapsedTime(started) < Patience, log);
            Thread.Sleep(100);
        }
    }

    private void Initialize()
    {
        string password = Path.Combine(_folder, "password");
        File.WriteAllText(password, Password + "\n");
        // PostgreSQL refuses to run as root.
        if (Environment.IsPrivilegedProcess)
            Run("chown", "-R", User, _folder);
        Run([
            .. AsUser(), $"{BinaryFolder}/initdb", "--pgdata", $"{_folder}/data", "--username",
            User, "--pwfile", password, "--auth", "scram-sha-256", "--encoding", "UTF8",
            "--no-locale", "--no-sync",
        ]);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        _port = ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Nothing is synced: the machine stays up, whatever becomes of the server.</summary>
    private bool TryStart()
    {
        string[] settings =
        [
            $"port={_port}", "listen_addresses=127.0.0.1", $"unix_socket_directories={_folder}",
            "fsync=off", "shared_buffers=16MB", "max_connections=40", "lc_messages=C",
        ];
        var start = new ProcessStartInfo(
            "bash",
            [
                "-c", Guard, "guard", _folder, .. AsUser(), $"{BinaryFolder}/postgres", "-D",
                $"{_folder}/data", .. settings.SelectMany(setting => (string[])["-c", setting]),
            ])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        _guard = System.Diagnostics.Process.Start(start)!;
        _serverId = int.Parse(
            _guard.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
        while (Directory.Exists($"/proc/{_serverId}")
            && !IsZombie(Text(_serverId)))
        {
            try
            {
                Connect(User).Dispose();
                return true;
            }
            catch (NpgsqlException)
            {
                Thread.Sleep(20);
            }
        }

        Kill();
        return false;
    }

    private static string Text(int processId) =>
        processId.ToString(CultureInfo.InvariantCulture);

    private static bool IsZombie(string processId)
    {
        try
        {
            return File.ReadAllText($"/proc/{processId}/stat")
                .Contains(") Z", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return true; // gone altogether
        }
    }

    private static string[] AsUser() => Environment.IsPrivilegedProcess
        ? ["setpriv", $"--reuid={User}", $"--regid={User}", "--init-groups"]
        : [];

    private static void Run(params string[] command)
    {
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        using System.Diagnostics.Process process = System.Diagnostics.Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(
            process.ExitCode == 0 || command[0] == "kill",
            $"{string.Join(' ', command)}: {output.Result}{error}");
    }
}
