using System.Diagnostics;
using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Distributed.Runtime.Store;
using FsCheck.Xunit;
using Microsoft.Data.Sqlite;

namespace Distributed.Runtime.Tests.Store;

public sealed class SqliteClusterStoreTests : ClusterStoreTests, IDisposable
{
    private readonly string _folder =
        Directory.CreateTempSubdirectory("distributed-store-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    internal override string Location(string database) => PathOf(database);

    internal override void Execute(string database, string sql)
    {
        using SqliteConnection connection = Connect(PathOf(database));
        Execute(connection, sql);
    }

    private string PathOf(string database) => Path.Combine(_folder, database);

    private static SqliteConnection Connect(string path)
    {
        var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        return connection;
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    /// <summary>
    /// The files as a process leaves them that is killed, or a machine whose power fails, at any
    /// byte of what it writes: a store opened on them holds every decision that was acknowledged by
    /// then, and of the next one nothing.
    /// </summary>
    [Property(MaxTest = 8)]
    public async Task A_store_that_is_killed_keeps_what_it_acknowledged(int seed)
    {
        var draws = new Draws(seed);
        string name = $"killed{Guid.NewGuid():n}";
        string log = PathOf(name) + "-wal";
        await using StoreClient store = await OpenAsync(name);
        long term = await store.TakeAsync(Coordinator(1));
        StoredJob job = StoredJob.New(draws.Number(), draws.Description());
        await store.KeepAsync(term, new JobSubmitted(job.Job, job.Description));
        var states = new List<(long LogLength, StoredJob Job)> { (Length(log), job) };
        for (int count = 0; count < 20; count++)
        {
            JobDecision decision = draws.Decision(job);
            await store.KeepAsync(term, decision);
            job = job.With(decision);
            states.Add((Length(log), job));
        }

        byte[] main = await ReadSharedAsync(PathOf(name));
        byte[] whole = await ReadSharedAsync(log);
        for (int image = 0; image < 12; image++)
        {
            int cut = (int)states[0].LogLength
                + draws.Below(whole.Length - (int)states[0].LogLength + 1);
            string copy = $"{name}-{image}";
            await File.WriteAllBytesAsync(PathOf(copy), main);
            await File.WriteAllBytesAsync(PathOf(copy) + "-wal", whole[..cut]);
            await using StoreClient opened = await OpenAsync(copy);
            StoredJob acknowledged = states.Last(state => state.LogLength <= cut).Job;
            Assert.Equal(Parts.Of(acknowledged), Parts.Of(await opened.JobsAsync()));
            Assert.Equal(term, (await opened.LeaseAsync()).Term);
            long next = await opened.TakeAsync(Coordinator(2));
            await opened.KeepAsync(next, new StopRequested(job.Job, "after the kill"));
        }
    }

    private static long Length(string path) => new FileInfo(path).Length;

    private static async Task<byte[]> ReadSharedAsync(string path)
    {
        await using var file = new FileStream(
            path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] bytes = new byte[file.Length];
        await file.ReadExactlyAsync(bytes);
        return bytes;
    }

    /// <summary>What keeps an acknowledged decision through a power failure; no test can cause
    /// one.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Every_commit_waits_for_the_disk(bool create)
    {
        using StoreConnection first = new SqliteDialect(PathOf("pragmas")).Open(create: true);
        using StoreConnection database = new SqliteDialect(PathOf("pragmas")).Open(create);
        Assert.Equal(["wal"], database.Query("PRAGMA journal_mode", row => row.GetString(0)));
        Assert.Equal([2], database.Query("PRAGMA synchronous", row => row.GetInt32(0)));
        Assert.Equal([1], database.Query("PRAGMA foreign_keys", row => row.GetInt32(0)));
    }

    [Fact]
    public async Task An_empty_file_becomes_a_store_that_outlives_its_process()
    {
        await File.WriteAllBytesAsync(PathOf("empty"), []);
        await using (StoreClient store = await OpenAsync("empty"))
        {
            long term = await store.TakeAsync(Coordinator(1));
            await store.KeepAsync(term, new JobSubmitted(1, Description));
        }

        Assert.False(File.Exists(PathOf("empty-wal")));
        await using StoreClient later = await OpenAsync("empty");
        Assert.Equal(
            Parts.Of(StoredJob.New(1, Description)), Parts.Of(await later.JobsAsync()));
    }

    [Fact]
    public async Task A_file_that_is_no_database_is_refused_and_left_alone()
    {
        string text = new('x', 5000);
        await File.WriteAllTextAsync(PathOf("text"), text);
        var refused = await Assert.ThrowsAsync<OperatingException>(() => OpenAsync("text"));
        Assert.StartsWith($"the cluster store {PathOf("text")} failed (", refused.Message,
            StringComparison.Ordinal);
        Assert.EndsWith(
            "expected an SQLite database; give another path, or move that file away",
            refused.Message, StringComparison.Ordinal);
        Assert.Equal(text, await File.ReadAllTextAsync(PathOf("text")));
    }

    [Fact]
    public async Task A_path_that_cannot_be_opened_is_refused()
    {
        await File.WriteAllTextAsync(PathOf("file"), "");
        Directory.CreateDirectory(PathOf("taken"));
        await Assert.ThrowsAsync<OperatingException>(() => OpenAsync("file/below"));
        await Assert.ThrowsAsync<OperatingException>(() => OpenAsync("taken"));
    }

    [Fact]
    public async Task While_another_keeps_the_file_locked_calls_fail_and_later_ones_succeed()
    {
        await using StoreClient store = await OpenAsync("busy");
        long term = await store.TakeAsync(Coordinator(1));
        var decision = new JobSubmitted(1, Description);
        using (SqliteConnection other = Connect(PathOf("busy")))
        {
            Execute(other, "BEGIN IMMEDIATE");
            var failed = Assert.IsType<StoreFailed>(await store.AppendAsync(term, decision));
            Assert.Equal(decision, failed.Decision);
            Assert.EndsWith(
                "expected it free within a second; end whatever else keeps the file locked",
                failed.Message, StringComparison.Ordinal);
            // Who only reads does not wait.
            Assert.Equal(term, (await store.LeaseAsync()).Term);
            Execute(other, "ROLLBACK");
        }

        Assert.Empty(await store.JobsAsync());
        await store.KeepAsync(term, decision);
    }

    /// <summary>Jobs that were acknowledged would be missing from a new one.</summary>
    [Fact]
    public async Task A_file_that_has_gone_is_not_made_anew()
    {
        await using StoreClient store = await OpenAsync("moved");
        long term = await store.TakeAsync(Coordinator(1));
        await store.KeepAsync(term, new JobSubmitted(1, Description));
        // A failure makes the store open the file again.
        Assert.IsType<StoreFailed>(await store.AppendAsync(term, new StopRequested(2, "")));
        File.Move(PathOf("moved"), PathOf("elsewhere"));
        var failed = Assert.IsType<StoreFailed>(await store.AskForJobsAsync());
        Assert.Contains("expected a file that can be opened; bring it back", failed.Message,
            StringComparison.Ordinal);
        Assert.False(File.Exists(PathOf("moved")));
        File.Move(PathOf("elsewhere"), PathOf("moved"));
        Assert.Single(await store.JobsAsync());
    }

    /// <summary>Every call is answered, and no exception but the one that is promised.</summary>
    [Property(MaxTest = 40)]
    public async Task A_damaged_file_never_silences_the_store(int seed)
    {
        var draws = new Draws(seed);
        string name = $"damaged{Guid.NewGuid():n}";
        StoredJob job = StoredJob.New(1, draws.Description());
        await using (StoreClient store = await OpenAsync(name))
        {
            long term = await store.TakeAsync(Coordinator(1));
            await store.KeepAsync(term, new JobSubmitted(1, job.Description));
            for (int count = 0; count < 10; count++)
                await store.KeepAsync(term, draws.Decision(job));
        }

        byte[] bytes = await File.ReadAllBytesAsync(PathOf(name));
        for (int count = 1 + draws.Below(200); count > 0; count--)
            bytes[draws.Below(bytes.Length)] = (byte)draws.Below(256);
        await File.WriteAllBytesAsync(PathOf(name), bytes);
        StoreClient damaged;
        try
        {
            damaged = await OpenAsync(name);
        }
        catch (OperatingException refused)
        {
            Assert.Contains(PathOf(name), refused.Message, StringComparison.Ordinal);
            return;
        }

        await using (damaged)
        {
            object read = await damaged.ReadAsync();
            Assert.True(read is LeaseRead or StoreFailed);
            Lease seen = (read as LeaseRead)?.Lease ?? new Lease(1, 1, null);
            Assert.True(
                await damaged.TakeAsync(Coordinator(2), seen)
                    is LeaseTaken or LeaseRead or StoreFailed);
            Assert.True(await damaged.RenewAsync(2) is LeaseRenewed or LeaseRead or StoreFailed);
            Assert.True(
                await damaged.AppendAsync(2, draws.Decision(job))
                    is Appended or AppendRefused or StoreFailed);
            Assert.True(await damaged.AskForJobsAsync() is JobsLoaded or StoreFailed);
        }
    }

    /// <summary>Where no small disk can be made, nobody can be shown this.</summary>
    [Fact]
    public async Task A_full_disk_fails_the_call_and_room_makes_it_succeed()
    {
        string disk = Directory.CreateDirectory(PathOf("disk")).FullName;
        if (!Run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk))
            return;
        try
        {
            await using StoreClient store = await OpenAsync("disk/store");
            long term = await store.TakeAsync(Coordinator(1));
            StoredJob kept = StoredJob.New(1, Description);
            await store.KeepAsync(term, new JobSubmitted(1, Description));
            FillUp(Path.Combine(disk, "filler"));
            StoreFailed? failed = null;
            for (int step = 1; failed is null; step++)
            {
                var saved = new CheckpointRecorded(1, 100 + step, new string('p', 3000));
                failed = await store.AppendAsync(term, saved) as StoreFailed;
                if (failed is null)
                    kept = kept.With(saved);
            }

            Assert.EndsWith("expected room on its disk; free some", failed.Message,
                StringComparison.Ordinal);
            File.Delete(Path.Combine(disk, "filler"));
            Assert.Equal(Parts.Of(kept), Parts.Of(await store.JobsAsync()));
            await store.KeepAsync(term, failed.Decision!);
            Assert.Equal(
                Parts.Of(kept.With(failed.Decision!)), Parts.Of(await store.JobsAsync()));
        }
        finally
        {
            Assert.True(Run("umount", disk));
        }
    }

    private static void FillUp(string path)
    {
        using var filler = new FileStream(
            path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        byte[] block = new byte[4096];
        try
        {
            while (true)
                filler.Write(block);
        }
        catch (IOException)
        {
            // The disk is full, as it was to be.
        }
    }

    private static bool Run(string program, params string[] arguments)
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
            return false;
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
