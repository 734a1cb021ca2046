using System.Text.Json;
using Distributed.Cluster.Jobs;
using Distributed.Runtime.Store;
using FsCheck.Xunit;

namespace Distributed.Runtime.Tests.Store;

public sealed class StoreJsonTests
{
    [Property(MaxTest = 300)]
    public void A_description_is_read_as_it_was_written(int seed)
    {
        JobDescription written = new Draws(seed).Description();
        Assert.Equal(written, StoreJson.Read<JobDescription>(StoreJson.Write(written)));
    }

    [Property(MaxTest = 300)]
    public void A_generation_is_read_as_it_was_written(ulong job, int number, int seed)
    {
        Generation written = new Draws(seed).Generation(job, number);
        Assert.Equal(
            Parts.Of(written),
            Parts.Of(StoreJson.Read<Generation>(StoreJson.Write(written))));
    }

    [Property(MaxTest = 300)]
    public void An_outcome_is_read_as_it_was_written(int seed)
    {
        RunEvent written = new Draws(seed).Outcome();
        Assert.Equal(written, StoreJson.Read<RunEvent>(StoreJson.Write(written)));
    }

    /// <summary>What is in stores today must be readable for ever.</summary>
    [Fact]
    public void The_text_of_an_outcome_stays_as_it_is()
    {
        Assert.Equal(
            """
            {"kind":"failed","exitCode":3,"message":"no room","worker":"w1","isDiskFull":true}
            """,
            StoreJson.Write<RunEvent>(new RunFailed(3, "no room", "w1", IsDiskFull: true)));
        Assert.Equal(
            """{"kind":"interrupted","step":7,"runFolder":"runs/a","lastEpoch":null}""",
            StoreJson.Write<RunEvent>(new RunInterrupted(7, "runs/a")));
        Assert.Equal(
            """
            {"kind":"interrupted","step":7,"runFolder":"r","lastEpoch":{"epoch":1,"step":6,
            "trainLoss":"Infinity","trainAccuracy":0.5,"testLoss":0.25,"testAccuracy":0.75,
            "seconds":3.5}}
            """.ReplaceLineEndings(""),
            StoreJson.Write<RunEvent>(new RunInterrupted(
                7, "r", new EpochCompleted(1, 6, double.PositiveInfinity, 0.5, 0.25, 0.75, 3.5))));
        Assert.Equal(
            """
            {"kind":"completed","steps":1,"samples":2,"testAccuracy":0.5,"testLoss":"NaN",
            "parametersSha256":"ab","imagesPerSecond":3,"generations":4,"stepsRedone":5,
            "stepsLost":6,"seconds":7.25,"runFolder":"r","lastEpoch":null}
            """.ReplaceLineEndings(""),
            StoreJson.Write<RunEvent>(
                new RunCompleted(1, 2, 0.5, double.NaN, "ab", 3, 4, 5, 6, 7.25, "r")));
    }

    /// <summary>Members that were added later are absent in older stores.</summary>
    [Fact]
    public void Texts_of_older_programs_are_read()
    {
        Assert.Equal(
            new RunInterrupted(7, "runs/a", LastEpoch: null),
            StoreJson.Read<RunEvent>(
                """{"kind":"interrupted","step":7,"runFolder":"runs/a"}"""));
        Assert.Equal(
            new RunFailed(3, "no room", Worker: "", IsDiskFull: false),
            StoreJson.Read<RunEvent>("""{"kind":"failed","exitCode":3,"message":"no room"}"""));
        Assert.Equal(
            new StepSchedule(4, 3, 2, 1, StopAfterStep: 0),
            StoreJson.Read<StepSchedule>(
                """
                {"stepsTotal":4,"stepsPerEpoch":3,"checkpointEverySteps":2,
                "parameterHashEverySteps":1}
                """));
    }

    [Fact]
    public void The_text_of_a_generation_stays_as_it_is()
    {
        var generation = new Generation(
            0xfedcba9876543210, 2,
            [new RankAssignment(0, new("w", 255, "h", 9, "h:1", ["gpu"]), new(0, 8))],
            new StartPoint(5, 1, 4, "h:1"));
        Assert.Equal(
            """
            {"job":"fedcba9876543210","number":2,"ranks":[{"rank":0,"worker":{"name":"w",
            "incarnation":"00000000000000ff","host":"h","processId":9,"dataAddress":"h:1",
            "roles":["gpu"],"version":""},"shards":{"first":0,"end":8}}],"start":{"step":5,
            "epochsEvaluated":1,"stepSaved":4,"sourceAddress":"h:1"}}
            """.ReplaceLineEndings(""),
            StoreJson.Write(generation));
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"kind":"finished","exitCode":1,"message":""}""")]
    [InlineData("""{"kind":"failed","exitCode":1}""")]
    [InlineData("""{"kind":"failed","exitCode":1,"message":null}""")]
    [InlineData("""{"kind":"failed","exitCode":1,"message":"cut o""")]
    public void What_is_no_outcome_is_refused(string text) =>
        Assert.Throws<JsonException>(() => StoreJson.Read<RunEvent>(text));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("12")]
    [InlineData("00000000000000000")]
    [InlineData("0x00000000000000")]
    [InlineData("00000000 0000000")]
    public void What_is_no_number_of_sixteen_digits_is_refused(string? text) =>
        Assert.Throws<JsonException>(() => StoreJson.FromHex(text));
}
