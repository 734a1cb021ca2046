using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Kernel;
using Distributed.Runtime.Protocol;
using Distributed.Runtime.Store;
using Distributed.Runtime.Tests.Protocol;
using Google.Protobuf;

namespace Distributed.Runtime.Tests.Store;

/// <summary>
/// What is decided about a sweep is read as it was written, by the store and by whoever watches.
/// Every record is drawn, so that a kind that is forgotten is found out.
/// </summary>
public sealed class SweepJsonTests
{
    public static TheoryData<Type> Decisions() => [.. Records.Concrete(typeof(SweepDecision))];

    public static TheoryData<Type> Parts() =>
    [
        .. Records.Concrete(typeof(SamplerSpec)), .. Records.Concrete(typeof(SchedulerSpec)),
        .. Records.Concrete(typeof(Dimension)),
    ];

    public static TheoryData<Type> Orders() => [.. Records.Concrete(typeof(SweepOrder))];

    [Theory]
    [MemberData(nameof(Decisions))]
    public void ADecisionIsReadAsItWasWritten(Type kind) => Same<SweepDecision>(
        kind, decision => StoreJson.Read<SweepDecision>(StoreJson.Write(decision)));

    [Theory]
    [MemberData(nameof(Parts))]
    public void EveryKindOfSweepIsReadAsItWasWritten(Type kind) => Same<object>(
        kind, part => part switch
        {
            SamplerSpec sampler => StoreJson.Read<SamplerSpec>(StoreJson.Write(sampler)),
            SchedulerSpec scheduler => StoreJson.Read<SchedulerSpec>(StoreJson.Write(scheduler)),
            _ => StoreJson.Read<Dimension>(StoreJson.Write((Dimension)part)),
        });

    [Theory]
    [MemberData(nameof(Decisions))]
    public void AWatcherIsToldWhatWasDecided(Type kind) => Same<SweepDecision>(
        kind, decision => Assert.Single(((SweepProgressed)Assert.Single(SweepCodec.FromProto(
            Wire(SweepCodec.ToProto(new SweepProgressed([decision])))))).Decisions));

    [Fact]
    public void AWatcherIsToldHowFarATrialIs() => Same<TrialStepped>(
        typeof(TrialStepped),
        step => (TrialStepped)Assert.Single(SweepCodec.FromProto(Wire(SweepCodec.ToProto(step)))));

    [Fact]
    public void ASubmissionArrives() => Same<SweepSubmitted>(
        typeof(SweepSubmitted),
        submission => submission.Sweep == 0
            ? submission
            : SweepCodec.FromProto(Wire(SweepCodec.ToProto(submission))));

    [Theory]
    [MemberData(nameof(Orders))]
    public void AnOrderArrives(Type kind) => Same<SweepOrder>(
        kind, order => SweepCodec.FromProto(Wire(SweepCodec.ToProto(order))));

    /// <summary>What is in stores today must be readable for ever.</summary>
    [Fact]
    public void TheTextOfADecisionStaysAsItIs() => Assert.Equal(
        """
        {"kind":"legEnded","trial":3,"leg":2,"outcome":{"end":"notRun","result":{"epoch":1,
        "trainLoss":0.5,"trainAccuracy":1,"testLoss":"NaN","testAccuracy":0,"imagesPerSecond":7,
        "seconds":2,"parametersSha256":""},"worker":"w","message":"m"},
        "sweep":"00000000000000ff","sequence":9}
        """.ReplaceLineEndings(""),
        StoreJson.Write<SweepDecision>(new LegEnded(255, 9, 3, 2, new LegOutcome(
            LegEnd.NotRun, new TrialResult(1, 0.5, 1, double.NaN, 0, 7, 2, ""), "w", "m"))));

    private static TMessage Wire<TMessage>(TMessage message)
        where TMessage : IMessage<TMessage>, new() =>
        new MessageParser<TMessage>(() => new TMessage()).ParseFrom(message.ToByteArray());

    private static void Same<T>(Type kind, Func<T, T> over)
    {
        for (ulong seed = 0; seed < 50; seed++)
        {
            object record = Records.Draw(kind, new Prng(seed));
            Assert.Equal(Records.Describe(record), Records.Describe(over((T)record)));
        }
    }
}
