using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using Distributed.Runtime.Tests.DataPlane;
using Distributed.Torch;
using Distributed.Training.Step;
using Distributed.Training.Tests.Step;

namespace Distributed.Runtime.Tests.Nccl;

/// <summary>
/// Goal: ranks whose gradients never leave their devices train the bits of one that is alone, and
/// lose no step. Method: sessions of the trainer that lives on a device, which is the CPU here,
/// over the library that the compiler makes.
/// </summary>
[Collection(NcclCollection.Name)]
public sealed class NcclTrainingTests(FakeNccl nccl)
{
    private const int Steps = 4;
    private const ulong Seed = 1;

    /// <summary>Ranks with one subtree, with several nodes, with shards that are added in
    /// turn.</summary>
    public static TheoryData<int[], string> MapsAndModels()
    {
        var data = new TheoryData<int[], string>();
        int[][] maps = [[0, 2, 4], [0, 3, 4], [0, 1, 4], [0, 1, 3, 4], [0, 1, 2, 3, 4]];
        foreach (int[] bounds in maps)
            data.Add(bounds, TestSessions.NormalizedModel);
        data.Add([0, 3, 4], TestSessions.WideModel);
        data.Add([0, 1, 4], TestSessions.MuonModel);
        return data;
    }

    [Theory]
    [MemberData(nameof(MapsAndModels))]
    public async Task StepsHaveTheBitsOfARankThatIsAlone(int[] bounds, string model)
    {
        var (expected, gradients) = Alone(model);
        await using NcclRanks ranks = await NcclRanks.OpenAsync(PlanOf(bounds));
        // They leave together: one that has left ends what others wait for.
        var sessions = new TrainingSession?[ranks.Plan.Map.RankCount];
        try
        {
            await ranks.OnAllAsync(rank =>
            {
                TrainingSession session = sessions[rank] = Join(ranks, rank, model);
                Run(session, first: 1, rank == 1);
                Assert.Equal(expected, session.State.ParametersSha256());
                var copied = new float[gradients.Length];
                Assert.True(session.TryCopyGradients(copied));
                Assert.Equal(gradients, copied);
            });
        }
        finally
        {
            Array.ForEach(sessions, session => session?.Dispose());
        }

        Assert.Equal(0, nccl.Communicators);
    }

    /// <summary>Rank 0 waits for a rank that does not step, and is told that the generation is
    /// over.</summary>
    [Fact]
    public async Task AStepThatIsCutShortIsDoneAgainInTheNextGeneration()
    {
        string model = TestSessions.NormalizedModel;
        await using NcclRanks ranks = await NcclRanks.OpenAsync(PlanOf([0, 3, 4]));
        var sessions = new TrainingSession[2];
        await ranks.OnAllAsync(rank => sessions[rank] = Join(ranks, rank, model));
        try
        {
            Task step = TransportCluster.OnThread(() => sessions[0].Step(1));
            ranks.Transports[0].Cancel("the generation is over");
            await Assert.ThrowsAsync<CollectiveCancelledException>(() => step);
            Assert.Equal(0, sessions[0].State.Step);
            foreach (TrainingSession session in sessions)
                session.Leave();
            await ranks.RegroupAsync(generation: 1);
            await ranks.ExchangeAsync(NcclRanks.Gpu, isAskedFor: true);
            await ranks.OnAllAsync(rank =>
            {
                Join(ranks, rank, sessions[rank], generation: 1);
                Run(sessions[rank], first: 1, rank == 1);
            });
            Assert.All(
                sessions,
                session => Assert.Equal(Alone(model).Sha256, session.State.ParametersSha256()));
        }
        finally
        {
            Array.ForEach(sessions, session => session.Dispose());
        }
    }

    private static ReductionPlan PlanOf(int[] bounds) => ReductionPlan.Create(
        new ShardMap(
            bounds[^1],
            [.. bounds.Zip(bounds.Skip(1), (first, end) => new ShardRange(first, end))]),
        ReductionOrder.Exact);

    private static (string Sha256, float[] Gradients) Alone(string model)
    {
        TorchLibrary.Initialize(1);
        using TrainingSession session = TestSessions.Alone(model, TrainerKind.Device, Seed);
        for (int step = 1; step <= Steps; step++)
            session.Step(step);
        var gradients = new float[session.State.Model.ParameterLength];
        Assert.True(session.TryCopyGradients(gradients));
        return (session.State.ParametersSha256(), gradients);
    }

    private static TrainingSession Join(NcclRanks ranks, int rank, string model)
    {
        TrainingSession session = TestSessions.Create(model, Seed, trainer: TrainerKind.Device);
        Assert.True(session.CanReduceOnDevice);
        Join(ranks, rank, session, generation: 0);
        return session;
    }

    private static void Join(NcclRanks ranks, int rank, TrainingSession session, int generation) =>
        session.Join(
            ranks.Plan, rank, new CollectiveScope(TransportCluster.Job, generation),
            ranks.Transports[rank], resident: null, ranks.Reducers[rank]);

    /// <summary>One rank's vote reaches all with the step's gradients.</summary>
    private static void Run(TrainingSession session, int first, bool votes)
    {
        for (int step = first; step <= Steps; step++)
        {
            StepResult result = session.Step(step, voteToStop: votes && step == Steps);
            Assert.Equal(step == Steps ? 1 : 0, result.StopVotes);
            Assert.True(double.IsFinite(result.Loss));
        }
    }
}
