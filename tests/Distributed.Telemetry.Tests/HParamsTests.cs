using Distributed.Kernel;
using Distributed.Telemetry.Wire.HParams;
using Google.Protobuf.WellKnownTypes;

namespace Distributed.Telemetry.Tests;

/// <summary>What TensorBoard's hyper-parameter plugin finds.</summary>
public sealed class HParamsTests : IDisposable
{
    private static readonly DateTimeOffset At = new(2026, 3, 4, 5, 6, 7, TimeSpan.Zero);
    private static readonly double Seconds = At.ToUnixTimeSeconds();

    private readonly TemporaryFolder folder = new();
    private readonly ManualClock clock = new(At);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void An_experiment_is_read_as_it_was_written()
    {
        Assert.True(Described().Write(folder.Path, clock));
        var experiment = Only(folder.Path, HParamsExperiment.Tag).Experiment;
        var expected = new Experiment
        {
            Name = "search",
            Description = "of **rates**",
            TimeCreatedSecs = Seconds - 60,
            HparamInfos =
            {
                new Wire.HParams.HParamInfo
                {
                    Name = "optimizer",
                    Type = DataType.String,
                    DomainDiscrete = new ListValue
                    {
                        Values = { Value.ForString("sgd"), Value.ForString("adam") },
                    },
                },
                new Wire.HParams.HParamInfo
                {
                    Name = "nesterov",
                    Type = DataType.Bool,
                    DomainDiscrete = new ListValue { Values = { Value.ForBool(true) } },
                },
                new Wire.HParams.HParamInfo
                {
                    Name = "lr",
                    Type = DataType.Float64,
                    DomainInterval = new Interval { MinValue = 1e-4, MaxValue = 0.5 },
                },
                new Wire.HParams.HParamInfo { Name = "momentum", Type = DataType.Float64 },
                new Wire.HParams.HParamInfo
                {
                    Name = "width",
                    Type = DataType.Float64,
                    DomainDiscrete = new ListValue { Values = { Value.ForNumber(8) } },
                },
            },
            MetricInfos =
            {
                new MetricInfo
                {
                    Name = new MetricName { Tag = "accuracy/test" },
                    DisplayName = "test accuracy",
                    DatasetType = DatasetType.DatasetValidation,
                },
            },
        };
        Assert.Equal(expected, experiment);
    }

    [Fact]
    public void A_session_is_read_as_it_was_written()
    {
        var values = new Dictionary<string, HParamValue>
        {
            ["optimizer"] = new HParamValue.Text("sgd"),
            ["nesterov"] = new HParamValue.Flag(false),
            ["lr"] = new HParamValue.Number(0.25),
            ["momentum"] = new HParamValue.Number(double.NaN),
            ["width"] = new HParamValue.Number(double.NegativeInfinity),
        };
        var trial = folder.File("trial-1");
        Assert.True(HParamsSession.Start(trial, "group", values, clock));
        clock.Advance(TimeSpan.FromSeconds(9));
        Assert.True(HParamsSession.End(trial, HParamsStatus.Failure, clock));
        Assert.Equal(
            new SessionStartInfo
            {
                GroupName = "group",
                StartTimeSecs = Seconds,
                Hparams =
                {
                    ["optimizer"] = Value.ForString("sgd"),
                    ["nesterov"] = Value.ForBool(false),
                    ["lr"] = Value.ForNumber(0.25),
                },
            },
            Only(trial, HParamsSession.StartTag).SessionStartInfo);
        Assert.Equal(
            new SessionEndInfo { Status = Status.Failure, EndTimeSecs = Seconds + 9 },
            Only(trial, HParamsSession.EndTag).SessionEndInfo);
    }

    /// <summary>
    /// Byte by byte, as TensorBoard's definitions have it: so that a mistake in the copy of them
    /// cannot hide.
    /// </summary>
    [Fact]
    public void The_bytes_are_those_of_the_format()
    {
        HParamsSession.End(folder.Path, HParamsStatus.Success, clock);
        byte[] content = [0x22, 11, 0x08, 1, 0x11, .. BitConverter.GetBytes(Seconds)];
        byte[] plugin = [0x0A, 7, .. "hparams"u8, 0x12, (byte)content.Length, .. content];
        byte[] metadata = [0x0A, (byte)plugin.Length, .. plugin, 0x20, 2];
        byte[] tensor = [0x08, 1, 0x12, 4, 0x12, 2, 0x08, 1, 0x2A, 4, 0, 0, 0, 0];
        byte[] tag = [.. "_hparams_/session_end_info"u8];
        byte[] value =
        [
            0x0A, (byte)tag.Length, .. tag, 0x42, (byte)tensor.Length, .. tensor,
            0x4A, (byte)metadata.Length, .. metadata,
        ];
        byte[] summary = [0x0A, (byte)value.Length, .. value];
        byte[] expected =
            [0x09, .. BitConverter.GetBytes(Seconds), 0x2A, (byte)summary.Length, .. summary];
        using var file = File.OpenRead(Assert.Single(Directory.GetFiles(folder.Path)));
        EventRecord.Read(file, "the version");
        Assert.Equal(expected, EventRecord.Read(file, "the record"));
        Assert.Null(EventRecord.Read(file, "the end"));
    }

    [Fact]
    public void What_is_on_record_is_not_written_again()
    {
        Assert.True(Described().Write(folder.Path, clock));
        var files = Directory.GetFiles(folder.Path);
        clock.Advance(TimeSpan.FromDays(1));
        Assert.False((Described() with { Name = "renamed" }).Write(folder.Path, clock));
        Assert.Equal(files, Directory.GetFiles(folder.Path));
        Assert.Equal("search", Only(folder.Path, HParamsExperiment.Tag).Experiment.Name);
        // Records of other tags do not stand in its way.
        Assert.True(HParamsSession.End(folder.Path, HParamsStatus.Success, clock));
        Assert.False(HParamsSession.End(folder.Path, HParamsStatus.Failure, clock));
        Assert.Equal(
            Status.Success, Only(folder.Path, HParamsSession.EndTag).SessionEndInfo.Status);
    }

    /// <summary>Wherever it was killed, a process that writes again leaves one record.</summary>
    [Fact]
    public void Killed_at_any_byte_it_is_written_once_in_the_end()
    {
        Described().Write(folder.Path, clock);
        var first = Assert.Single(Directory.GetFiles(folder.Path));
        var whole = File.ReadAllBytes(first);
        for (var length = 0; length <= whole.Length; length++)
        {
            File.WriteAllBytes(first, whole.AsSpan(0, length));
            Assert.Equal(length < whole.Length, Described().Write(folder.Path, clock));
            Assert.False(Described().Write(folder.Path, clock));
            foreach (var later in Directory.GetFiles(folder.Path).Where(path => path != first))
            {
                Assert.True(string.CompareOrdinal(later, first) > 0);
                Assert.Single(EventFileReader.Read(later).HParams);
                File.Delete(later);
            }
        }
    }

    /// <summary>A metrics writer that comes later finds a folder without history.</summary>
    [Fact]
    public void Metrics_are_written_after_a_session_as_in_a_new_folder()
    {
        HParamsSession.Start(
            folder.Path, "", new Dictionary<string, HParamValue>(), clock);
        var history = EventHistory.TakeOver(folder.Path);
        Assert.True(history.IsEmpty);
        using (var writer = new EventFileWriter(folder.Path, startStep: 1, history, clock))
        {
            writer.Scalar("a", 1, 1, At);
        }
        HParamsSession.End(folder.Path, HParamsStatus.Success, clock);
        var files = Directory.GetFiles(folder.Path).Order(StringComparer.Ordinal)
            .Select(EventFileReader.Read).ToList();
        Assert.Equal([null, 1L, null], files.Select(file => file.StartStep));
        Assert.Equal([1, 0, 1], files.Select(file => file.HParams.Count));
        Assert.Equal(1, EventHistory.TakeOver(folder.Path).LastStep);
        Only(folder.Path, HParamsSession.StartTag);
    }

    [Fact]
    public void A_folder_that_can_not_be_made_is_an_operating_error()
    {
        File.WriteAllText(folder.File("file"), "");
        Assert.Throws<OperatingException>(
            () => Described().Write(folder.File("file/inside"), clock));
    }

    /// <summary>Bounds that are no numbers, and a domain without any, are left out.</summary>
    private static HParamsExperiment Described() => new(
        "search", "of **rates**", At.AddMinutes(-1),
        [
            new HParamInfo("optimizer", HParamType.Text, new HParamDomain.Discrete(
                [new HParamValue.Text("sgd"), new HParamValue.Text("adam")])),
            new HParamInfo("nesterov", HParamType.Flag, new HParamDomain.Discrete(
                [new HParamValue.Flag(true)])),
            new HParamInfo("lr", HParamType.Number, new HParamDomain.Interval(1e-4, 0.5)),
            new HParamInfo(
                "momentum", HParamType.Number, new HParamDomain.Interval(0, double.NaN)),
            new HParamInfo("width", HParamType.Number, new HParamDomain.Discrete(
                [new HParamValue.Number(double.PositiveInfinity), new HParamValue.Number(8)])),
        ],
        [new HParamsMetric("accuracy/test", "test accuracy", HParamsDataset.Validation)]);

    private static HParamsPluginData Only(string path, string tag)
    {
        var record = Assert.Single(
            Directory.GetFiles(path).SelectMany(file => EventFileReader.Read(file).HParams),
            value => value.Tag == tag);
        Assert.Equal(0, record.Step);
        var data = HParamsPluginData.Parser.ParseFrom(record.Content.Span);
        Assert.Equal(0, data.Version);
        return data;
    }
}
