using Distributed.Torch;
using Distributed.Training.Step;

namespace Distributed.Training.Tests.Step;

/// <summary>
/// Goal: what the host asks of a device, which is the CPU here, is what it would do itself. Method:
/// two sessions of one spec, one on the device; they differ by rounding alone.
/// </summary>
public sealed class DeviceEngineTests
{
    private const double Tolerance = 2e-4;

    /// <summary>Of all that augmentation can do to an image.</summary>
    private const string Changes =
        "augmentation: {cropPadding: 3, translatePixels: 2, horizontalFlip: true, cutoutSize: 6}\n";

    private const string Bf16 = "precision: bf16\n";

    public DeviceEngineTests() => TorchLibrary.Initialize(threadCount: 1);

    public static TheoryData<string> Models =>
    [
        Changes + TestSessions.PlainModel,
        // Without dropout, whose draws are the device's own.
        TestSessions.NormalizedModel.Replace(
            "  - dropout: 0.3\n", "", StringComparison.Ordinal),
        TestSessions.WhitenedModel,
        TestSessions.MuonModel,
    ];

    /// <summary>
    /// Over an epoch's end and a partial batch: samples, changes, rates, decay, moments, what stays
    /// as it is, running statistics and the slow copy. Rounding grows from step to step, but stays
    /// small beside what the steps change.
    /// </summary>
    [Theory]
    [MemberData(nameof(Models))]
    public void ItsStateIsTheHostsButForRounding(string model)
    {
        const int steps = 4;
        // So that the slow copy takes the parameters' place after the last of them.
        string spec = model.Replace("epochs: 2.5", "epochs: 1.2", StringComparison.Ordinal);
        using TrainingSession host = TestSessions.Alone(spec, TrainerKind.Host);
        using TrainingSession device = TestSessions.Alone(spec, TrainerKind.Device);
        float[][] start = Sections(host.State);
        Assert.Equal(start, Sections(device.State));
        for (int step = 1; step <= steps; step++)
        {
            StepResult expected = host.Step(step);
            StepResult actual = device.Step(step);
            if (step == 1)
                Assert.Equal(expected.Loss, actual.Loss, Tolerance * expected.Loss);
            Assert.Equal(expected.LearningRate, actual.LearningRate);
            Assert.Equal(expected.Samples, actual.Samples);
        }

        device.State.Refresh();
        float[][] wanted = Sections(host.State);
        float[][] found = Sections(device.State);
        for (int section = 0; section < wanted.Length; section++)
        {
            double change = Distance(wanted[section], start[section]);
            double difference = Distance(wanted[section], found[section]);
            Assert.True(
                difference <= 0.03 * change,
                $"section {section} differs by {difference}; the steps changed it by {change}");
        }
    }

    [Theory]
    [InlineData("none")]
    [InlineData("mirror")]
    [InlineData("mirrorAndShift")]
    public void ItsEvaluationIsTheHostsButForRounding(string views)
    {
        string model = $"testTimeAugmentation: {views}\n" + TestSessions.WhitenedModel;
        const int testSamples = 250;
        using TrainingSession host = TestSessions.Alone(
            model, TrainerKind.Host, testSamples: testSamples);
        using TrainingSession device = TestSessions.Alone(
            model, TrainerKind.Device, testSamples: testSamples);
        var expectedLogits = new List<float>();
        var actualLogits = new List<float>();
        EvaluatedBatch[] expected = host.Evaluate(
            (_, _, logits) => expectedLogits.AddRange(logits));
        EvaluatedBatch[] actual = device.Evaluate((first, labels, logits) =>
        {
            Assert.Equal(first % 3, labels[0]);
            actualLogits.AddRange(logits);
        });
        Assert.Equal(
            expected.Select(batch => batch.Samples), actual.Select(batch => batch.Samples));
        foreach ((EvaluatedBatch one, EvaluatedBatch other) in expected.Zip(actual))
            Assert.Equal(one.LossSum, other.LossSum, Tolerance * one.LossSum);
        foreach ((float one, float other) in expectedLogits.Zip(actualLogits))
            Assert.Equal(one, other, Tolerance);
    }

    /// <summary>Whether they stayed on the device or came to the host to be added.</summary>
    [Fact]
    public void GradientsThatWereAppliedCanBeCopied()
    {
        using TrainingSession host = TestSessions.Alone(
            TestSessions.PlainModel, TrainerKind.Host);
        using TrainingSession device = TestSessions.Alone(
            TestSessions.PlainModel, TrainerKind.Device);
        var expected = new float[host.State.Model.ParameterLength];
        var actual = new float[expected.Length];
        Assert.False(device.TryCopyGradients(actual));
        host.Step(1);
        device.Step(1);
        Assert.True(host.TryCopyGradients(expected));
        Assert.True(device.TryCopyGradients(actual));
        foreach ((float one, float other) in expected.Zip(actual))
            Assert.Equal(one, other, Tolerance);
    }

    /// <summary>A step that spoils a device's state leaves none that could be given out.</summary>
    [Fact]
    public void AStateThatALossHasSpoiltIsOfNoStep()
    {
        using TrainingSession session = TestSessions.Alone(
            TestSessions.PlainModel.Replace(
                "learningRate: 1e-3", "learningRate: 1e30", StringComparison.Ordinal),
            TrainerKind.Device);
        Assert.ThrowsAny<Exception>(() =>
        {
            for (int step = 1; step <= 9; step++)
                session.Step(step);
        });
        session.Leave();
        for (int step = 0; step <= 9; step++)
            Assert.Null(session.State.CountersAfter(step));
    }

    [Theory]
    [InlineData(TestSessions.PlainModel)]
    [InlineData(TestSessions.WhitenedModel)]
    public void Bfloat16TrainsToAFallingLossAndToBitsOfItsOwn(string model)
    {
        string spec = Bf16 + model.Replace("epochs: 2.5", "epochs: 40", StringComparison.Ordinal);
        using TrainingSession half = TestSessions.Alone(spec, TrainerKind.Device);
        using TrainingSession whole = TestSessions.Alone(model, TrainerKind.Device);
        double first = half.Step(1).Loss;
        whole.Step(1);
        Assert.NotEqual(whole.State.ParametersSha256(), half.State.ParametersSha256());
        double last = first;
        for (int step = 2; step <= 100; step++)
            last = half.Step(step).Loss;
        Assert.True(last < 0.8 * first, $"the loss went from {first} to {last}");
    }

    private static float[][] Sections(ModelState state) =>
    [
        state.Parameters.AsSpan<float>().ToArray(), state.Statistics.AsSpan<float>().ToArray(),
        .. state.Optimizer.Select(buffer => buffer.AsSpan<float>().ToArray()),
    ];

    private static double Distance(float[] one, float[] other) => Math.Sqrt(
        one.Zip(other).Sum(pair => Math.Pow((double)pair.First - pair.Second, 2)));
}
