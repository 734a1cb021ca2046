using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Distributed.Runtime.Protocol;
using FsCheck.Xunit;
using Google.Protobuf;
using JobDescription = Distributed.Cluster.Jobs.JobDescription;

namespace Distributed.Runtime.Tests.Protocol;

/// <summary>
/// Whatever an actor tells another process arrives as it was told. Every record of the protocol is
/// drawn, so that one which no frame carries, or a field that is forgotten, is found out.
/// </summary>
public sealed class CodecTests
{
    public static TheoryData<Type> WorkerMessages() => [.. Records.Concrete(typeof(WorkerMessage))];

    public static TheoryData<Type> Reports() => [.. Records.Concrete(typeof(JobReport))];

    public static TheoryData<Type> CoordinatorMessages() =>
        [.. Records.Concrete(typeof(CoordinatorMessage))];

    public static TheoryData<Type> Orders() => [.. Records.Concrete(typeof(JobOrder))];

    public static TheoryData<Type> ClusterOrders() =>
        [.. Records.Concrete(typeof(ClusterOrder))];

    public static TheoryData<Type> Events() => [.. Records.Concrete(typeof(RunEvent))];

    [Theory]
    [MemberData(nameof(WorkerMessages))]
    public void WhatAWorkerSaysArrives(Type type) => Arrives<WorkerMessage>(type, Over);

    [Theory]
    [MemberData(nameof(Reports))]
    public void WhatAWorkerReportsArrives(Type type) => Arrives<JobReport>(
        type, report => ((ReportSent)Over(new ReportSent(42, report))!).Report);

    [Theory]
    [MemberData(nameof(CoordinatorMessages))]
    public void WhatACoordinatorSaysArrives(Type type) => Arrives<CoordinatorMessage>(type, Over);

    [Theory]
    [MemberData(nameof(Orders))]
    public void WhatACoordinatorOrdersArrives(Type type) => Arrives<JobOrder>(
        type, order => ((Ordered)Over(new Ordered(order))!).Order);

    [Theory]
    [MemberData(nameof(ClusterOrders))]
    public void WhatAPersonOrdersArrives(Type type) => Arrives<ClusterOrder>(
        type, order => ClusterOrderCodec.FromProto(Wire(ClusterOrderCodec.ToProto(order))));

    [Theory]
    [MemberData(nameof(Events))]
    public void WhatHappensIsToldAsItWas(Type type) => Arrives<RunEvent>(
        type, happened => EventCodec.FromProto(Wire(EventCodec.ToProto(happened))));

    [Property]
    public void DescriptionsStatusAndIdentitiesArrive(ulong seed)
    {
        var random = new Prng(seed);
        Same<JobDescription>(random, job => JobCodec.FromProto(Wire(JobCodec.ToProto(job))));
        Same<ClusterStatus>(random, status => JobCodec.FromProto(Wire(JobCodec.ToProto(status))));
        Same<Cluster.Coordination.WorkerIdentity>(
            random, worker => JobCodec.FromProto(Wire(JobCodec.ToProto(worker))));
    }

    /// <summary>A newer version may say more: what is not known is passed over.</summary>
    [Fact]
    public void FramesOfAnotherVersionArePassedOver()
    {
        byte[] unknown = [0xFA, 0x3E, 0x00]; // An empty message in field 1007.
        Assert.Null(ReportCodec.FromFrame(WorkerFrame.Parser.ParseFrom(unknown)));
        Assert.Null(OrderCodec.FromFrame(CoordinatorFrame.Parser.ParseFrom(unknown)));
        Assert.Null(EventCodec.FromProto(JobEvent.Parser.ParseFrom(unknown)));
        Assert.Null(ReportCodec.FromFrame(new WorkerFrame { Report = new Report() }));
        Assert.Null(ReportCodec.FromFrame(new WorkerFrame
        {
            State = new Runtime.Protocol.WorkState
            {
                Phase = (Runtime.Protocol.WorkState.Types.Phase)99,
            },
        }));
        Assert.Null(ReportCodec.FromFrame(
            new WorkerFrame { State = new Runtime.Protocol.WorkState() }));
    }

    private static WorkerMessage? Over(WorkerMessage message) =>
        ReportCodec.FromFrame(Wire(ReportCodec.ToFrame(message)));

    private static CoordinatorMessage? Over(CoordinatorMessage message) =>
        OrderCodec.FromFrame(Wire(OrderCodec.ToFrame(message)));

    /// <summary>Through bytes, as it travels.</summary>
    private static TMessage Wire<TMessage>(TMessage message)
        where TMessage : IMessage<TMessage>, new() =>
        new MessageParser<TMessage>(() => new TMessage()).ParseFrom(message.ToByteArray());

    private static void Arrives<T>(Type type, Func<T, T?> over)
    {
        for (ulong seed = 0; seed < 50; seed++)
        {
            object record = Records.Draw(type, new Prng(seed));
            Assert.Equal(Records.Describe(record), Records.Describe(over((T)record)));
        }
    }

    private static void Same<T>(Prng random, Func<T, T> over)
        where T : notnull
    {
        var record = (T)Records.Draw(typeof(T), random);
        Assert.Equal(Records.Describe(record), Records.Describe(over(record)));
    }
}
