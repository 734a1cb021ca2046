using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Distributed.Runtime.Store;
using FsCheck.Xunit;
using Npgsql;

namespace Distributed.Runtime.Tests.Store;

/// <summary>Against a real server.</summary>
[TestCaseOrderer(WherePostgresIsInstalled.Name, WherePostgresIsInstalled.Assembly)]
public sealed class PostgresClusterStoreTests(PostgresServer server)
    : ClusterStoreTests, IClassFixture<PostgresServer>
{
    private readonly string _prefix = $"t{Guid.NewGuid():n}_";

    internal override string Location(string database) => server.Database(_prefix + database);

    internal override void Execute(string database, string sql)
    {
        Location(database);
        server.Execute(_prefix + database, sql);
    }

    /// <summary>
    /// The server is killed between any two decisions: a decision that fails is repeated, as an
    /// actor repeats it, and at the end exactly what was acknowledged is there.
    /// </summary>
    [Property(MaxTest = 3)]
    public async Task A_server_that_is_killed_keeps_what_was_acknowledged(int seed)
    {
        var draws = new Draws(seed);
        string database = $"killed{Guid.NewGuid():n}";
        await using StoreClient store = await OpenAsync(database);
        long term = await store.TakeAsync(Coordinator(1));
        StoredJob job = StoredJob.New(draws.Number(), draws.Description());
        await store.KeepAsync(term, new JobSubmitted(job.Job, job.Description));
        for (int kill = 0; kill < 3; kill++)
        {
            for (int count = draws.Below(5); count > 0; count--)
                job = await KeepAsync(store, term, job, draws.Decision(job));
            server.Kill();
            JobDecision interrupted = draws.Decision(job);
            var failed = Assert.IsType<StoreFailed>(await store.AppendAsync(term, interrupted));
            Assert.Equal(interrupted, failed.Decision);
            Assert.IsType<StoreFailed>(await store.RenewAsync(term));
            server.Start();
            Assert.Equal(Parts.Of(job), Parts.Of(await store.JobsAsync()));
            Assert.Equal(new LeaseRenewed(term), await store.RenewAsync(term));
            job = await KeepAsync(store, term, job, interrupted);
        }

        await using StoreClient later = await OpenAsync(database);
        Assert.Equal(Parts.Of(job), Parts.Of(await later.JobsAsync()));
        Assert.Equal(term, (await later.LeaseAsync()).Term);
    }

    private static async Task<StoredJob> KeepAsync(
        StoreClient store, long term, StoredJob job, JobDecision decision)
    {
        await store.KeepAsync(term, decision);
        return job.With(decision);
    }

    /// <summary>It is killed while calls are on their way to it and back.</summary>
    [Fact]
    public async Task A_server_that_is_killed_in_the_midst_of_calls_keeps_what_was_acknowledged()
    {
        await using StoreClient store = await OpenAsync("midst");
        long term = await store.TakeAsync(Coordinator(1));
        await store.KeepAsync(term, new JobSubmitted(1, Description with { StartStep = 0 }));
        long step = 0;
        for (int kill = 0; kill < 4; kill++)
        {
            Task killing = Task.Delay(kill * 7).ContinueWith(
                _ => server.Kill(), TaskScheduler.Default);
            object answer;
            do
            {
                step++;
                answer = await store.AppendAsync(term, new CheckpointRecorded(1, step, "path"));
            }
            while (answer is Appended);
            Assert.IsType<StoreFailed>(answer);
            await killing;
            server.Start();
            // What failed may have come to pass; it is true for neither that more did, or less.
            long found = Assert.Single(await store.JobsAsync()).CheckpointStep;
            Assert.InRange(found, step - 1, step);
            await store.KeepAsync(term, new CheckpointRecorded(1, step, "path"));
        }

        Assert.Equal(step, Assert.Single(await store.JobsAsync()).CheckpointStep);
    }

    [Fact]
    public async Task While_another_keeps_the_lease_locked_calls_fail_and_later_ones_succeed()
    {
        await using StoreClient store = await OpenAsync("busy");
        long term = await store.TakeAsync(Coordinator(1));
        var decision = new JobSubmitted(1, Description);
        await using (NpgsqlConnection other = server.Connect(_prefix + "busy"))
        {
            await using NpgsqlTransaction transaction = await other.BeginTransactionAsync();
            await using var locking = new NpgsqlCommand("SELECT * FROM lease FOR UPDATE", other);
            await locking.ExecuteNonQueryAsync();
            var failed = Assert.IsType<StoreFailed>(await store.AppendAsync(term, decision));
            Assert.Equal(decision, failed.Decision);
            Assert.Contains(": expected it free within a second; end", failed.Message,
                StringComparison.Ordinal);
            // Who only reads does not wait.
            Assert.Equal(term, (await store.LeaseAsync()).Term);
        }

        Assert.Empty(await store.JobsAsync());
        await store.KeepAsync(term, decision);
    }

    /// <summary>As one does that stands still in the midst of a transaction.</summary>
    [Fact]
    public async Task Who_stands_still_within_a_transaction_loses_the_lock()
    {
        await using StoreClient store = await OpenAsync("still");
        long term = await store.TakeAsync(Coordinator(1));
        using StoreConnection still = StoreLocation.Dialect(Location("still")).Open(false);
        Assert.ThrowsAny<NpgsqlException>(() => still.Transact(() =>
        {
            new LeaseTable(still, " FOR UPDATE").Lock();
            object renewed;
            do
                renewed = store.RenewAsync(term).GetAwaiter().GetResult();
            while (renewed is StoreFailed);
            Assert.Equal(new LeaseRenewed(term), renewed);
            return new LeaseTable(still, "").Renew(term);
        }));
    }

    [Theory]
    [InlineData("off", "on")]
    [InlineData("on", "on")]
    [InlineData("remote_apply", "remote_apply")]
    public void Every_commit_waits_for_the_disk(string given, string used)
    {
        string name = "commit" + given;
        Execute(name, $"ALTER DATABASE \"{_prefix}{name}\" SET synchronous_commit = '{given}'");
        using StoreConnection database = StoreLocation.Dialect(Location(name)).Open(false);
        Assert.Equal([used], database.Query("SHOW synchronous_commit", row => row.GetString(0)));
    }

    [Fact]
    public async Task Tables_that_have_gone_are_not_made_anew()
    {
        await using StoreClient store = await OpenAsync("dropped");
        long term = await store.TakeAsync(Coordinator(1));
        Execute("dropped", "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        string message = Assert.IsType<StoreFailed>(await store.RenewAsync(term)).Message;
        Assert.Contains("expected the tables that were made at the start", message,
            StringComparison.Ordinal);
        Assert.IsType<StoreFailed>(await store.AskForJobsAsync());
    }

    [Fact]
    public async Task A_database_that_cannot_be_written_is_told_from_others()
    {
        await using StoreClient store = await OpenAsync("standby");
        long term = await store.TakeAsync(Coordinator(1));
        Execute(
            "standby",
            $"ALTER DATABASE \"{_prefix}standby\" SET default_transaction_read_only = on");
        // A failure makes the store connect again.
        Assert.IsType<StoreFailed>(await store.AppendAsync(term, new StopRequested(2, "")));
        string message = Assert.IsType<StoreFailed>(await store.RenewAsync(term)).Message;
        Assert.Contains(": expected a database that can be written; name the primary server",
            message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_opened_is_explained_without_the_password()
    {
        Location("errors");
        string database = _prefix + "errors";
        Execute("errors", $"CREATE ROLE {database}_few LOGIN PASSWORD 'pw-few' CONNECTION LIMIT 0");
        Execute("errors", $"CREATE ROLE {database}_poor LOGIN PASSWORD 'pw-poor'");
        Execute("errors", "REVOKE CREATE ON SCHEMA public FROM PUBLIC");
        string good = PostgresServer.Password;
        await RefusedAsync(
            server.Url("postgres", "pw-wrong", database), "expected the user's password");
        await RefusedAsync(
            server.Url("nobody", "pw-none", database), "expected the user's password");
        await RefusedAsync(server.Url("postgres", "", database), "expected a password; give it");
        await RefusedAsync(server.Url("postgres", good, "absent"), "`createdb absent`");
        await RefusedAsync(server.Url($"{database}_few", "pw-few", database), "expected room for");
        await RefusedAsync(
            server.Url($"{database}_poor", "pw-poor", database), "expected a user who may create");
        await RefusedAsync(
            server.Url("postgres", good, database) + "?sslmode=require", "expected");
        await RefusedAsync(
            $"postgresql://u:pw-none@127.0.0.1:1/{database}", "expected a PostgreSQL server that");
        await RefusedAsync(
            $"Host=127.0.0.1;Port=1;Username=u;Password=pw-none;Database={database}",
            "expected a PostgreSQL server that");
        await RefusedAsync(
            $"postgresql://u:pw-none@no-such-host.invalid/{database}", "expected");
    }

    private static async Task RefusedAsync(string location, string expectation)
    {
        var refused = await Assert.ThrowsAsync<OperatingException>(
            () => SqlClusterStore.OpenAsync(location, "host", TimeProvider.System));
        Assert.StartsWith("the cluster store postgresql://", refused.Message,
            StringComparison.Ordinal);
        Assert.Contains(expectation, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("pw-", refused.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("cret", refused.ToString(), StringComparison.Ordinal);
    }
}
