using System.Data.Common;
using System.Diagnostics;
using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Distributed.Runtime.Store;
using FsCheck.Xunit;

namespace Distributed.Runtime.Tests.Store;

/// <summary>What every store of a cluster must do, whichever database it is in.</summary>
public abstract partial class ClusterStoreTests
{
    private const string Host = "host-a";

    private readonly SetClock _clock = new();

    /// <summary>Where the database of that name is, which is new and empty the first
    /// time.</summary>
    internal abstract string Location(string database);

    internal abstract void Execute(string database, string sql);

    private IStoreDialect Dialect(string database) =>
        StoreLocation.Dialect(Location(database));

    /// <summary>Opens one coordinator's way to the database of that name.</summary>
    internal async Task<StoreClient> OpenAsync(string database, string host, TimeProvider clock)
    {
        SqlClusterStore store =
            await SqlClusterStore.OpenAsync(Location(database), host, clock);
        return new StoreClient(store, store);
    }

    internal Task<StoreClient> OpenAsync(string database) => OpenAsync(database, Host, _clock);

    internal static CoordinatorIdentity Coordinator(ulong incarnation, int? processId = null) =>
        new(
            $"coordinator-{incarnation}", incarnation, Host, processId ?? Environment.ProcessId,
            $"host-a:{incarnation % 1000}");

    internal static JobDescription Description => new Draws(1).Description();

    private static GenerationDecided Decided(ulong job, int number, int seed) => new(
        job, new Draws(seed).Generation(job, number), $"numerics {seed}", seed, $"reason {seed}");

    private static IEnumerable<object> Parts(IEnumerable<StoredJob> jobs) => Store.Parts.Of(jobs);

    [Fact]
    public async Task A_new_store_has_no_holder_and_no_jobs()
    {
        await using StoreClient store = await OpenAsync("new");
        Assert.Equal(new LeaseRead(new Lease(0, 0, null), false), await store.ReadAsync());
        Assert.Empty(await store.JobsAsync());
    }

    [Fact]
    public async Task A_lease_that_was_taken_shows_its_holder_to_all()
    {
        await using StoreClient first = await OpenAsync("taken");
        await using StoreClient second = await OpenAsync("taken");
        CoordinatorIdentity holder = Coordinator(ulong.MaxValue);
        Assert.Equal(1, await first.TakeAsync(holder));
        Lease lease = await second.LeaseAsync();
        Assert.Equal((1, holder), (lease.Term, lease.Holder));
        Assert.Equal(lease, await first.LeaseAsync());
    }

    [Fact]
    public async Task Each_renewal_shows_and_none_of_an_older_term_is_taken()
    {
        await using StoreClient first = await OpenAsync("renewed");
        await using StoreClient second = await OpenAsync("renewed");
        long old = await first.TakeAsync(Coordinator(1));
        var seen = new HashSet<Lease> { await second.LeaseAsync() };
        for (int renewal = 0; renewal < 20; renewal++)
        {
            Assert.Equal(new LeaseRenewed(old), await first.RenewAsync(old));
            Assert.True(seen.Add(await second.LeaseAsync()));
        }

        long term = await second.TakeAsync(Coordinator(2));
        Lease lease = await second.LeaseAsync();
        Assert.True(seen.Add(lease));
        Assert.Equal(new LeaseRead(lease, false), await first.RenewAsync(old));
        Assert.Equal(new LeaseRead(lease, false), await first.RenewAsync(term + 1));
        Assert.Equal(lease, await second.LeaseAsync());
    }

    [Fact]
    public async Task A_lease_that_was_renewed_since_it_was_seen_is_not_taken()
    {
        await using StoreClient first = await OpenAsync("seen");
        await using StoreClient second = await OpenAsync("seen");
        long term = await first.TakeAsync(Coordinator(1));
        Lease seen = await second.LeaseAsync();
        await first.RenewAsync(term);
        Lease renewed = await first.LeaseAsync();
        Assert.Equal(
            new LeaseRead(renewed, false), await second.TakeAsync(Coordinator(2), seen));
        Assert.Equal(renewed, await first.LeaseAsync());
    }

    [Fact]
    public async Task Who_gives_the_lease_back_leaves_term_and_beat()
    {
        await using StoreClient first = await OpenAsync("returned");
        await using StoreClient second = await OpenAsync("returned");
        long old = await first.TakeAsync(Coordinator(1));
        Lease held = await first.LeaseAsync();
        first.Store.ReturnLease(old - 1);
        Assert.Equal(held, await first.LeaseAsync());
        first.Store.ReturnLease(old);
        Assert.Equal(held with { Holder = null }, await first.LeaseAsync());

        long term = await second.TakeAsync(Coordinator(2));
        Assert.Equal(old + 1, term);
        first.Store.ReturnLease(old);
        Assert.Equal(Coordinator(2), (await first.LeaseAsync()).Holder);
    }

    [Fact]
    public async Task A_store_that_is_closed_has_served_all_calls_before()
    {
        StoreClient first = await OpenAsync("closed");
        await using StoreClient second = await OpenAsync("closed");
        first.Store.ReturnLease(await first.TakeAsync(Coordinator(1)));
        await first.DisposeAsync();
        Assert.Null((await second.LeaseAsync()).Holder);
        var decision = new StopRequested(1, "");
        Assert.Equal(
            decision, Assert.IsType<StoreFailed>(await first.AppendAsync(1, decision)).Decision);
    }

    /// <summary>All see the same lease and take it at the same moment.</summary>
    [Fact]
    public async Task Of_those_who_race_for_a_term_exactly_one_gets_it()
    {
        const int rounds = 60;
        StoreClient[] stores =
        [
            await OpenAsync("race"), await OpenAsync("race"), await OpenAsync("race"),
        ];
        for (int round = 1; round <= rounds; round++)
        {
            Lease seen = await stores[round % stores.Length].LeaseAsync();
            object[] answers = await Task.WhenAll(stores.Select((store, index) =>
                StoreClient.UntilServedAsync(
                    () => store.TakeAsync(Coordinator((ulong)index), seen))));
            Assert.Equal([new LeaseTaken(round)], answers.OfType<LeaseTaken>());
            Lease lease = await stores[0].LeaseAsync();
            int winner = Array.FindIndex(answers, answer => answer is LeaseTaken);
            Assert.Equal(Coordinator((ulong)winner), lease.Holder);
            Assert.Equal(
                Enumerable.Repeat(new LeaseRead(lease, false), stores.Length - 1),
                answers.OfType<LeaseRead>());
        }

        foreach (StoreClient store in stores)
            await store.DisposeAsync();
    }

    /// <summary>Each reads and takes at its own pace.</summary>
    [Fact]
    public async Task No_term_is_given_twice()
    {
        const int attempts = 60;
        long[][] won = await Task.WhenAll(Enumerable.Range(0, 3).Select(index => Task.Run(
            async () =>
            {
                await using StoreClient store = await OpenAsync("pace");
                var terms = new List<long>();
                for (int attempt = 0; attempt < attempts; attempt++)
                {
                    Lease seen = await store.LeaseAsync();
                    object answer = await StoreClient.UntilServedAsync(
                        () => store.TakeAsync(Coordinator((ulong)index), seen));
                    if (answer is LeaseTaken taken)
                        terms.Add(taken.Term);
                }

                return terms.ToArray();
            })));
        long[] all = [.. won.SelectMany(terms => terms).Order()];
        Assert.Equal(Enumerable.Range(1, all.Length).Select(term => (long)term), all);
        await using StoreClient last = await OpenAsync("pace");
        Assert.Equal(all.Length, (await last.LeaseAsync()).Term);
    }

    [Fact]
    public async Task A_decision_of_an_older_term_is_refused_and_changes_nothing()
    {
        await using StoreClient first = await OpenAsync("fence");
        await using StoreClient second = await OpenAsync("fence");
        long old = await first.TakeAsync(Coordinator(1));
        await first.KeepAsync(
            old, new JobSubmitted(7, Description), Decided(7, 1, 1),
            new CheckpointRecorded(7, 30, "a"));
        long term = await second.TakeAsync(Coordinator(2));
        Lease lease = await second.LeaseAsync();
        object[] before = [.. Parts(await second.JobsAsync())];
        JobDecision[] late =
        [
            new JobSubmitted(8, Description), Decided(7, 1, 2), Decided(7, 2, 2),
            new CheckpointRecorded(7, 31, "b"), new StopRequested(7, "stop"),
            new JobConcluded(7, new RunInterrupted(31, "c")),
        ];
        foreach (JobDecision decision in late)
        {
            Assert.Equal(
                new AppendRefused(decision, lease), await first.AppendAsync(old, decision));
            Assert.Equal(
                new AppendRefused(decision, lease), await first.AppendAsync(term + 1, decision));
        }

        Assert.Equal(before, Parts(await second.JobsAsync()));
        Assert.Equal(lease, await second.LeaseAsync());
        await second.KeepAsync(term, late);
    }

    /// <summary>
    /// The new holder loads while the old one, which knows nothing yet, goes on appending: what
    /// the old one was told is durable is exactly what the new one finds.
    /// </summary>
    [Fact]
    public async Task A_new_holder_finds_all_that_was_acknowledged_and_nothing_comes_after()
    {
        const int rounds = 10;
        await using StoreClient first = await OpenAsync("takeover");
        await using StoreClient second = await OpenAsync("takeover");
        for (int round = 1; round <= rounds; round++)
        {
            ulong job = (ulong)round;
            long old = await first.TakeAsync(Coordinator(1));
            await first.KeepAsync(
                old, new JobSubmitted(job, Description with { StartStep = 0 }));
            Task<long> appending = AppendUntilRefusedAsync(first, old, job);
            for (int read = 0; read < round; read++)
                await second.LeaseAsync();
            await second.TakeAsync(Coordinator(2));
            StoredJob found = (await second.JobsAsync())[^1];
            Assert.Equal((job, await appending), (found.Job, found.CheckpointStep));
            Assert.Equal(found, (await second.JobsAsync())[^1]);
        }
    }

    /// <summary>Returns the last step that was acknowledged.</summary>
    private static async Task<long> AppendUntilRefusedAsync(
        StoreClient store, long term, ulong job)
    {
        for (long step = 1; step < 10_000; step++)
        {
            // Leaves the new holder a moment in which to get in.
            await Task.Delay(1);
            var saved = new CheckpointRecorded(job, step, $"step {step}");
            object answer = await StoreClient.UntilServedAsync(
                () => store.AppendAsync(term, saved));
            if (answer is AppendRefused)
                return step - 1;
            Assert.Equal(new Appended(saved), answer);
        }

        throw new InvalidOperationException("the old holder was never refused");
    }

    [Fact]
    public async Task Answers_come_in_the_order_of_the_calls()
    {
        const int rounds = 50;
        await using StoreClient store = await OpenAsync("order");
        long term = await store.TakeAsync(Coordinator(1));
        var answers = new AnswerProbe();
        for (ulong job = 1; job <= rounds; job++)
        {
            store.Store.Append(term, new JobSubmitted(job, Description), answers);
            store.Store.RenewLease(term, answers);
            store.Store.LoadJobs(answers);
            store.Store.Append(term - 1, new StopRequested(job, ""), answers);
            store.Store.ReadLease(answers);
        }

        for (ulong job = 1; job <= rounds; job++)
        {
            Assert.Equal(job, (await answers.NextAsync<Appended>()).Decision.Job);
            await answers.NextAsync<LeaseRenewed>();
            Assert.Equal((int)job, (await answers.NextAsync<JobsLoaded>()).Jobs.Count);
            Assert.Equal(job, (await answers.NextAsync<AppendRefused>()).Decision.Job);
            await answers.NextAsync<LeaseRead>();
        }
    }

    /// <summary>Random decisions about some jobs, some of them appended twice.</summary>
    [Property(MaxTest = 25)]
    public async Task What_is_loaded_is_what_the_decisions_make_of_the_jobs(int seed)
    {
        var draws = new Draws(seed);
        string database = $"random{Guid.NewGuid():n}";
        await using StoreClient store = await OpenAsync(database);
        await using StoreClient other = await OpenAsync(database);
        long term = await store.TakeAsync(Coordinator(1));
        var expected = new List<StoredJob>();
        for (int count = 5 + draws.Below(25); count > 0; count--)
        {
            int which = draws.Below(3);
            JobDecision decision = which < expected.Count
                ? draws.Decision(expected[which])
                : new JobSubmitted(draws.Number(), draws.Description());
            await store.KeepAsync(term, decision);
            if (draws.Below(3) == 0)
                await store.KeepAsync(term, decision);
            if (decision is JobSubmitted submitted)
                expected.Add(StoredJob.New(submitted.Job, submitted.Description));
            else
                expected[which] = expected[which].With(decision);
            if (draws.Below(4) == 0)
                Assert.Equal(Parts(expected), Parts(await other.JobsAsync()));
        }

        Assert.Equal(Parts(expected), Parts(await other.JobsAsync()));
    }

    [Fact]
    public async Task A_job_is_void_from_its_return_until_its_next_generation()
    {
        await using StoreClient store = await OpenAsync("void");
        long term = await store.TakeAsync(Coordinator(1));
        var returned = new ReturnedToCheckpoint(9, 2, 6, [1, ulong.MaxValue], "w1 differs", 44);
        await store.KeepAsync(
            term, new JobSubmitted(9, Description with { StartStep = 0 }), Decided(9, 1, 1),
            Decided(9, 2, 2), new CheckpointRecorded(9, 6, "six"), returned, returned);
        StoredJob job = Assert.Single(await store.JobsAsync());
        Assert.Equal(
            (true, 1, 2, 44, 6),
            (job.IsVoid, job.Returns, job.ReturnedFrom, job.StepsRedone, job.CheckpointStep));
        await store.KeepAsync(term, Decided(9, 3, seed: 45));
        job = Assert.Single(await store.JobsAsync());
        Assert.Equal(
            (false, 1, 2, 45), (job.IsVoid, job.Returns, job.ReturnedFrom, job.StepsRedone));
        await store.KeepAsync(term, returned with { Generation = 3, StepsRedone = 46 });
        job = Assert.Single(await store.JobsAsync());
        Assert.Equal(
            (true, 2, 3, 46), (job.IsVoid, job.Returns, job.ReturnedFrom, job.StepsRedone));
    }

    [Fact]
    public async Task What_is_appended_again_later_takes_nothing_back()
    {
        await using StoreClient store = await OpenAsync("again");
        long term = await store.TakeAsync(Coordinator(1));
        JobDecision[] decisions =
        [
            new JobSubmitted(9, Description with { StartStep = 0 }),
            new JobSubmitted(8, Description), Decided(9, 1, 1), Decided(9, 2, 2),
            new CheckpointRecorded(9, 5, "five"), new CheckpointRecorded(9, 6, "six"),
            new ReturnedToCheckpoint(9, 2, 6, [1, 2], "w1 differs", 44), Decided(9, 3, 3),
            new StopRequested(9, "stop"), new JobConcluded(9, new RunInterrupted(6, "run")),
        ];
        await store.KeepAsync(term, decisions);
        object[] before = [.. Parts(await store.JobsAsync())];
        Assert.Equal(new RunInterrupted(6, "run"), (await store.JobsAsync())[0].Outcome);
        term = await store.TakeAsync(Coordinator(2));
        _clock.Now += TimeSpan.FromMinutes(30);
        await store.KeepAsync(term, decisions);
        Assert.Equal(before, Parts(await store.JobsAsync()));
        // The job ended when that was said first.
        _clock.Now += TimeSpan.FromMinutes(31);
        Assert.Equal([8UL], (await store.JobsAsync()).Select(job => job.Job));
    }

    [Fact]
    public async Task A_job_that_ended_is_loaded_for_an_hour()
    {
        await using StoreClient store = await OpenAsync("ended");
        long term = await store.TakeAsync(Coordinator(1));
        // Submitted in an order that is not that of their numbers.
        ulong[] jobs = [3, ulong.MaxValue, 1, 0x8000000000000000, 2];
        foreach (ulong job in jobs)
            await store.KeepAsync(term, new JobSubmitted(job, Description));
        await store.KeepAsync(term, new JobConcluded(1, new RunFailed(1, "")));
        _clock.Now += TimeSpan.FromMinutes(40);
        await store.KeepAsync(term, new JobConcluded(3, new RunFailed(1, "")));
        Assert.Equal(jobs, (await store.JobsAsync()).Select(job => job.Job));
        _clock.Now += TimeSpan.FromMinutes(20);
        Assert.Equal(jobs, (await store.JobsAsync()).Select(job => job.Job));
        _clock.Now += TimeSpan.FromMilliseconds(1);
        Assert.Equal(
            jobs.Where(job => job != 1), (await store.JobsAsync()).Select(job => job.Job));
        _clock.Now += TimeSpan.FromDays(1);
        Assert.Equal(
            jobs.Where(job => job is not (1 or 3)),
            (await store.JobsAsync()).Select(job => job.Job));
    }

    [Fact]
    public async Task A_decision_about_an_unknown_job_fails_and_the_store_goes_on()
    {
        await using StoreClient store = await OpenAsync("unknown");
        long term = await store.TakeAsync(Coordinator(1));
        foreach (JobDecision decision in (JobDecision[])
        [
            Decided(5, 1, 1), new CheckpointRecorded(5, 1, ""), new StopRequested(5, ""),
            new JobConcluded(5, new RunFailed(1, "")),
        ])
        {
            var failed = Assert.IsType<StoreFailed>(await store.AppendAsync(term, decision));
            Assert.Equal(decision, failed.Decision);
            Assert.Contains("has no job 0000000000000005: expected", failed.Message,
                StringComparison.Ordinal);
            Assert.Equal(new LeaseRenewed(term), await store.RenewAsync(term));
        }

        Assert.Empty(await store.JobsAsync());
    }

    [Fact]
    public async Task An_event_that_ends_nothing_is_no_outcome()
    {
        await using StoreClient store = await OpenAsync("outcome");
        Assert.Throws<InvariantException>(() => store.Store.Append(
            1, new JobConcluded(1, new Notice("still here")), new AnswerProbe()));
    }

    [Fact]
    public async Task A_holder_whose_process_was_killed_is_gone_for_those_of_its_host()
    {
        await using StoreClient near = await OpenAsync("gone");
        await using StoreClient far = await OpenAsync("gone", "host-b", _clock);
        using Process child = Process.Start("sleep", "600");
        await near.TakeAsync(Coordinator(1, child.Id));
        Assert.False(Assert.IsType<LeaseRead>(await near.ReadAsync()).HolderIsGone);
        child.Kill();
        child.WaitForExit();
        Lease lease = await far.LeaseAsync();
        Assert.Equal(new LeaseRead(lease, true), await near.ReadAsync());
        Assert.Equal(new LeaseRead(lease, false), await far.ReadAsync());
        // A refusal tells it as well, so that nobody waits who need not.
        Assert.Equal(
            new LeaseRead(lease, true), await near.TakeAsync(Coordinator(2), new(0, 0, null)));
        near.Store.ReturnLease(lease.Term);
        Assert.Equal(
            new LeaseRead(lease with { Holder = null }, false), await near.ReadAsync());
    }

    [Fact]
    public async Task Many_may_open_a_new_store_at_once()
    {
        StoreClient[] stores = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(_ => OpenAsync("at-once")));
        foreach (StoreClient store in stores)
            Assert.Equal(new Lease(0, 0, null), await store.LeaseAsync());
        foreach (StoreClient store in stores)
            await store.DisposeAsync();
    }

    [Fact]
    public async Task A_store_of_a_newer_program_is_refused()
    {
        await (await OpenAsync("newer")).DisposeAsync();
        Execute("newer", "INSERT INTO schema_version (version) VALUES (99)");
        var refused = await Assert.ThrowsAsync<OperatingException>(() => OpenAsync("newer"));
        Assert.Equal(
            $"the cluster store {Dialect("newer").Name} has schema version 99: expected "
            + $"{StoreSchema.Migrations.Count} or older; run the newer program that wrote it, or "
            + "give another store",
            refused.Message);
    }

    [Fact]
    public void Each_migration_is_applied_once_and_all_of_it_or_none()
    {
        using StoreConnection database = Dialect("steps").Open(create: true);
        string[] steps =
        [
            "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1)",
            "INSERT INTO a SELECT x + 1 FROM a; CREATE TABLE b (y INTEGER)",
        ];
        StoreSchema.Migrate(database, "s", []);
        StoreSchema.Migrate(database, "s", steps[..1]);
        Assert.ThrowsAny<DbException>(
            () => StoreSchema.Migrate(database, "s", [steps[0], "DELETE FROM a; nonsense"]));
        Assert.Equal([1], Numbers("SELECT x FROM a"));
        StoreSchema.Migrate(database, "s", steps);
        StoreSchema.Migrate(database, "s", steps);
        Assert.Equal([1, 2], Numbers("SELECT x FROM a ORDER BY x"));
        Assert.Equal([1, 2], Numbers("SELECT version FROM schema_version ORDER BY version"));
        Assert.Throws<OperatingException>(
            () => StoreSchema.Migrate(database, "s", steps[..1]));

        List<int> Numbers(string sql) => database.Query(sql, row => row.GetInt32(0));
    }

    [Fact]
    public async Task A_row_that_cannot_be_read_fails_the_calls_that_need_it()
    {
        await using StoreClient store = await OpenAsync("row");
        long term = await store.TakeAsync(Coordinator(1));
        await store.KeepAsync(term, new JobSubmitted(1, Description));
        string[] damages =
        [
            "UPDATE jobs SET description = '{'", "UPDATE jobs SET description = '{}'",
            "UPDATE jobs SET outcome = '{}'", "UPDATE jobs SET job = 'one'",
        ];
        foreach (string damage in damages)
        {
            Execute("row", "CREATE TABLE good AS SELECT * FROM jobs; " + damage);
            var failed = Assert.IsType<StoreFailed>(await store.AskForJobsAsync());
            Assert.Contains("a row cannot be read", failed.Message, StringComparison.Ordinal);
            Assert.Equal(new LeaseRenewed(term), await store.RenewAsync(term));
            Execute(
                "row",
                "DELETE FROM jobs; INSERT INTO jobs SELECT * FROM good; DROP TABLE good");
            Assert.Single(await store.JobsAsync());
        }
    }
}
