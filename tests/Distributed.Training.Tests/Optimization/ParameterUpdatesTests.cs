using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using Distributed.Torch;
using Distributed.Training.Step;
using Distributed.Training.Tests.Step;

namespace Distributed.Training.Tests.Optimization;

/// <summary>
/// Goal: each kind of parameters moves by its own settings and for its own time, and the slow copy
/// as defined. Method: sessions that differ in one setting.
/// </summary>
public sealed class ParameterUpdatesTests
{
    private const string Layers = """
        epochs: 2
        model:
          layers:
          - whitening: {biasEpochs: 0.5}
          - conv: {filters: 4, kernel: 3}
          - batchNorm
          - relu
          - maxPool: 3
          - flatten
          - linear: classes

        """;

    private const string Plain =
        Layers + "optimizer: {kind: sgd, learningRate: 0.1, momentum: 0, nesterov: false";

    public ParameterUpdatesTests() => TorchLibrary.Initialize(threadCount: 1);

    /// <summary>Half an epoch of three steps is two of them.</summary>
    [Fact]
    public void Whitening_filters_stay_and_their_biases_stop()
    {
        using TrainingSession session = Alone(Plain + "}");
        float[] filters = Tensor(session, "whiten1.weight");
        float[] first = Tensor(session, "whiten1.bias");
        Assert.All(first, bias => Assert.Equal(0, bias));
        session.Step(1);
        session.Step(2);
        float[] second = Tensor(session, "whiten1.bias");
        float[] convolution = Tensor(session, "conv1.weight");
        Assert.NotEqual(first, second);
        session.Step(3);
        Assert.Equal(second, Tensor(session, "whiten1.bias"));
        Assert.Equal(filters, Tensor(session, "whiten1.weight"));
        Assert.NotEqual(convolution, Tensor(session, "conv1.weight"));
    }

    [Theory]
    [InlineData("filters", "conv1.weight")]
    [InlineData("linear", "fc1.weight")]
    [InlineData("biases", "conv1.bias", "fc1.bias", "whiten1.bias")]
    [InlineData("norms", "bn1.weight", "bn1.bias")]
    public void A_groups_rate_is_its_own(string group, params string[] members)
    {
        using TrainingSession same = Alone(Plain + "}");
        using TrainingSession other = Alone(Plain + $", groups: {{{group}: 3}}}}");
        Dictionary<string, float[]> before = All(same);
        same.Step(1);
        other.Step(1);
        Dictionary<string, float[]> plain = All(same);
        Dictionary<string, float[]> changed = All(other);
        foreach ((string name, float[] start) in before)
        {
            float factor = members.Contains(name) ? 3 : 1;
            for (int index = 0; index < start.Length; index++)
            {
                Assert.Equal(
                    factor * (plain[name][index] - start[index]),
                    changed[name][index] - start[index], 1e-5);
            }
        }
    }

    [Fact]
    public void A_groups_decay_and_momentum_are_its_own()
    {
        using TrainingSession plain = Alone(Plain + "}");
        using TrainingSession decayed = Alone(Plain + ", groups: {linear: {weightDecay: 0.5}}}");
        using TrainingSession moving = Alone(Plain + ", groups: {linear: {momentum: 0.9}}}");
        float[] before = Tensor(plain, "fc1.weight");
        plain.Step(1);
        decayed.Step(1);
        moving.Step(1);
        float[] after = Tensor(plain, "fc1.weight");
        Assert.Equal(after, Tensor(moving, "fc1.weight"));
        foreach ((float start, (float stepped, float less)) in before.Zip(
            after.Zip(Tensor(decayed, "fc1.weight"))))
        {
            Assert.Equal(stepped - (0.1 * 0.5 * start), less, 1e-5);
        }
        Assert.Equal(Tensor(plain, "conv1.weight"), Tensor(decayed, "conv1.weight"));
        plain.Step(2);
        moving.Step(2);
        Assert.NotEqual(Tensor(plain, "fc1.weight"), Tensor(moving, "fc1.weight"));
    }

    /// <summary>Two of six steps: a third of the way, of which the cube is 1/27.</summary>
    [Fact]
    public void The_slow_copy_moves_towards_the_parameters_and_they_to_it()
    {
        using TrainingSession plain = Alone(Plain + "}");
        using TrainingSession slow = Alone(
            Plain + ", lookahead: {everySteps: 2, finalDecay: 0.54}}");
        float[] before = Tensor(plain, "conv1.weight");
        plain.Step(1);
        slow.Step(1);
        Assert.Equal(Tensor(plain, "conv1.weight"), Tensor(slow, "conv1.weight"));
        plain.Step(2);
        slow.Step(2);
        float[] after = Tensor(plain, "conv1.weight");
        float[] held = Tensor(slow, "conv1.weight");
        for (int index = 0; index < before.Length; index++)
        {
            double expected = before[index] + ((1 - 0.02) * (after[index] - before[index]));
            Assert.Equal(expected, held[index], 1e-6);
        }
    }

    [Fact]
    public void After_the_last_step_the_parameters_are_the_slow_copy()
    {
        using TrainingSession session = Alone(Plain + ", lookahead: {everySteps: 4}}");
        for (int step = 1; step <= 4; step++)
            session.Step(step);
        string held = session.State.ParametersSha256();
        session.Step(5);
        Assert.NotEqual(held, session.State.ParametersSha256());
        session.Step(6);
        Assert.Equal(held, session.State.ParametersSha256());
    }

    [Fact]
    public void Muon_keeps_the_length_of_filters()
    {
        using TrainingSession session = Alone(
            Layers + "optimizer: {kind: muon, learningRate: 1e-6}");
        session.Step(1);
        double length = Tensor(session, "conv1.weight").Sum(value => (double)value * value);
        Assert.Equal(4, length, 1e-3);
    }

    private static TrainingSession Alone(string model)
    {
        TrainingSession session = TestSessions.Create(model, 1);
        session.Join(
            ReductionPlan.Create(ShardMap.Even(4, 1), ReductionOrder.Exact), 0,
            new CollectiveScope(1, 1), transport: null);
        return session;
    }

    private static Dictionary<string, float[]> All(TrainingSession session) =>
        session.State.Model.Parameters.ToDictionary(
            tensor => tensor.Name, tensor => Tensor(session, tensor.Name));

    private static float[] Tensor(TrainingSession session, string name) => ModelState.Floats(
        session.State.Parameters,
        session.State.Model.Parameters.Single(tensor => tensor.Name == name)).ToArray();
}
