using Distributed.Cluster.Jobs;

namespace Distributed.Cluster.Tests.Jobs;

/// <summary>
/// Goal: ranks of one host are neighbours in every generation, and ranks keep their order else.
/// </summary>
public sealed class RankOrderTests
{
    /// <param name="workers">NAME@HOST, in the order of their names; a host may be empty.</param>
    /// <param name="ranksMax">How many can have a rank.</param>
    /// <param name="expected">In rank order.</param>
    [Theory]
    [InlineData("a@x b@x c@x", 8, "a b c")]
    [InlineData("a@x b@y c@x d@y", 8, "a c b d")]
    [InlineData("a@y b@x c@z d@x e@y", 8, "a e b d c")]
    [InlineData("a@x b@y c@x d@y", 3, "a c b")]
    [InlineData("a@ b@ c@", 8, "a b c")]
    [InlineData("a@ b@x c@ d@x", 8, "a b d c")]
    public void WorkersOfOneHostAreNeighbours(string workers, int ranksMax, string expected)
    {
        RegroupWorker[] all = Workers(workers);
        Assert.Equal(expected, Names(Form(all, ranksMax, current: null)));
    }

    /// <summary>Those that had a rank keep it before others get one.</summary>
    [Theory]
    [InlineData("a@x b@y c@x d@y", "a c b", 8, "a c b d")]
    [InlineData("a@x b@y c@x d@y", "b d", 8, "b d a c")]
    [InlineData("a@x b@y c@x d@y", "b d a", 3, "b d a")]
    [InlineData("a@x c@x d@y", "a c d", 8, "a c d")]
    public void RanksKeepTheirOrderButForThat(
        string workers, string current, int ranksMax, string expected)
    {
        RegroupWorker[] all = Workers(workers);
        string[] ranked = current.Split(' ');
        var generation = new Generation(
            1, 1,
            [
                .. ranked.Select((name, rank) => new RankAssignment(
                    rank,
                    new(name, all.First(worker => worker.Name == name).Incarnation, "", 1, "", []),
                    new(rank, rank + 1))),
            ],
            new StartPoint(0, 0, 0, ""));
        Assert.Equal(expected, Names(Form(all, ranksMax, generation)));
    }

    [Theory]
    [InlineData("a@x b@x", "2 workers have halted after step 7")]
    [InlineData("a@x b@y c@x", "3 workers on 2 hosts have halted after step 7")]
    public void TheReasonTellsTheHosts(string workers, string reason) =>
        Assert.Equal(reason, Regrouping.Decide(View(Workers(workers), 8, null)).Reason);

    private static RegroupAction.Form Form(
        RegroupWorker[] workers, int ranksMax, Generation? current) =>
        Assert.IsType<RegroupAction.Form>(
            Regrouping.Decide(View(workers, ranksMax, current)).Action);

    private static RegroupView View(
        RegroupWorker[] workers, int ranksMax, Generation? current) => new(
        current, HaltingTo: 2, IsYielding: false, ranksMax, workers.Length, WorkersMin: 1,
        workers, IsHaltLate: false, IsYieldLate: false, IsReturning: false, Imbalance: null,
        IsVoid: false);

    private static RegroupWorker[] Workers(string text) =>
    [
        .. text.Split(' ').Select(worker => worker.Split('@')).Select(parts => new RegroupWorker(
            parts[0][0], parts[0], parts[1],
            new WorkState(1, Generation: 2, WorkPhase.Halted, Step: 7, "", ""),
            IsLeaving: false, IsBenched: false)),
    ];

    private static string Names(RegroupAction.Form form) =>
        string.Join(' ', form.Members.Select(member => member.Name));
}
