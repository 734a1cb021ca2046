using System.Numerics;
using Distributed.Cluster.Configuration;

namespace Distributed.Cluster.Tests.Configuration;

/// <summary>
/// Goal: the getters convert exactly what the specification lets them convert, and say where a
/// value is that they cannot use.
/// </summary>
public sealed class HoconConfigTests
{
    private const double Day = 86_400_000;

    [Theory]
    [InlineData("10", 10)]
    [InlineData("\"10\"", 10)]
    [InlineData("1.5", 1.5)]
    [InlineData("0.001", 0.001)]
    [InlineData("100ns", 0.0001)]
    [InlineData("100 nano", 0.0001)]
    [InlineData("100 nanos", 0.0001)]
    [InlineData("100 nanosecond", 0.0001)]
    [InlineData("100 nanoseconds", 0.0001)]
    [InlineData("3us", 0.003)]
    [InlineData("3 micro", 0.003)]
    [InlineData("3 micros", 0.003)]
    [InlineData("3 microsecond", 0.003)]
    [InlineData("3 microseconds", 0.003)]
    [InlineData("7ms", 7)]
    [InlineData("7 milli", 7)]
    [InlineData("7 millis", 7)]
    [InlineData("7 millisecond", 7)]
    [InlineData("7 milliseconds", 7)]
    [InlineData("0.5s", 500)]
    [InlineData(".5 second", 500)]
    [InlineData("2 seconds", 2000)]
    [InlineData("1m", 60_000)]
    [InlineData("1 minute", 60_000)]
    [InlineData("2 minutes", 120_000)]
    [InlineData("1h", 3_600_000)]
    [InlineData("1 hour", 3_600_000)]
    [InlineData("2 hours", 7_200_000)]
    [InlineData("1d", Day)]
    [InlineData("1 day", Day)]
    [InlineData("2 days", 2 * Day)]
    [InlineData("\"  2   days \"", 2 * Day)]
    [InlineData("-3s", -3000)]
    [InlineData("\"+3s\"", 3000)]
    [InlineData("1e3ms", 1000)]
    public void Durations(string text, double milliseconds) => Assert.Equal(
        TimeSpan.FromTicks((long)Math.Round(milliseconds * TimeSpan.TicksPerMillisecond)),
        HoconConfig.Parse($"a = {text}", "test").GetDuration("a"));

    [Fact]
    public void InfiniteIsADuration() => Assert.Equal(
        Timeout.InfiniteTimeSpan, HoconConfig.Parse("a = infinite", "test").GetDuration("a"));

    [Theory]
    [InlineData("5 S")]
    [InlineData("5 sec")]
    [InlineData("s")]
    [InlineData("five s")]
    [InlineData("5 s s")]
    [InlineData("9e18 days")]
    [InlineData("9e27")]
    [InlineData("1e400 s")]
    [InlineData("null")]
    [InlineData("[1]")]
    [InlineData("\"\"")]
    public void NoDurations(string text) => Assert.Equal(
        new HoconOrigin("test", 2, 5),
        Assert.Throws<HoconException>(
            () => HoconConfig.Parse($"\na = {text}", "test").GetDuration("a")).Origin);

    /// <summary>Every unit of the specification, by its power.</summary>
    [Fact]
    public void Sizes()
    {
        foreach (var unit in new[] { "", "B", "b", "byte", "bytes" })
        {
            AssertSize("3 " + unit, 3);
        }
        string[] prefixes = ["K", "M", "G", "T", "P", "E", "Z", "Y"];
        string[] decimals =
            ["kilo", "mega", "giga", "tera", "peta", "exa", "zetta", "yotta"];
        string[] binaries = ["kibi", "mebi", "gibi", "tebi", "pebi", "exbi", "zebi", "yobi"];
        for (var index = 0; index < prefixes.Length; index++)
        {
            var thousands = BigInteger.Pow(1000, index + 1);
            var binary = BigInteger.Pow(1024, index + 1);
            var prefix = prefixes[index];
            AssertSize($"3{(index == 0 ? "k" : prefix)}B", 3 * thousands);
            AssertSize($"3 {decimals[index]}byte", 3 * thousands);
            AssertSize($"3 {decimals[index]}bytes", 3 * thousands);
            AssertSize($"3{prefix}", 3 * binary);
            AssertSize($"3{prefix.ToLowerInvariant()}", 3 * binary);
            AssertSize($"3{prefix}i", 3 * binary);
            AssertSize($"3{prefix}iB", 3 * binary);
            AssertSize($"3 {binaries[index]}byte", 3 * binary);
            AssertSize($"0.5 {binaries[index]}bytes", binary / 2);
        }
        foreach (var wrong in new[] { "3KB", "3mB", "3kib", "3kiB", "3 Kilobyte", "3X", "K", "x" })
        {
            Assert.False(HoconUnits.TryParseSize(wrong, out _), wrong);
        }
    }

    private static void AssertSize(string text, BigInteger expected)
    {
        Assert.True(HoconUnits.TryParseSize(text, out var bytes), text);
        Assert.Equal(expected, bytes);
    }

    [Fact]
    public void ASizeMustFitIntoALong()
    {
        var config = HoconConfig.Parse("a = 7 EiB, b = 8 EiB, c = 1YB", "test");
        Assert.Equal(7L << 60, config.GetSize("a"));
        Assert.Throws<HoconException>(() => config.GetSize("b"));
        Assert.Throws<HoconException>(() => config.GetSize("c"));
    }

    [Theory]
    [InlineData("true", true)]
    [InlineData("yes", true)]
    [InlineData("\"on\"", true)]
    [InlineData("false", false)]
    [InlineData("no", false)]
    [InlineData("off", false)]
    public void Booleans(string text, bool expected) =>
        Assert.Equal(expected, HoconConfig.Parse($"a = {text}", "test").GetBoolean("a"));

    [Fact]
    public void NumbersAndStringsConvertIntoEachOther()
    {
        var config = HoconConfig.Parse(
            "a = \"42\", b = 42, c = 1e3, d = .33, e = 3.14, f = true, g = 2147483648", "test");
        Assert.Equal(42, config.GetInt("a"));
        Assert.Equal("42", config.GetString("b"));
        Assert.Equal(1000, config.GetInt("c"));
        Assert.Equal("1e3", config.GetString("c"));
        Assert.Equal(0.33, config.GetDouble("d"));
        Assert.Equal(3.14, config.GetDouble("e"));
        Assert.Equal("true", config.GetString("f"));
        Assert.Equal(2147483648, config.GetLong("g"));
        Assert.Throws<HoconException>(() => config.GetInt("e"));
        Assert.Throws<HoconException>(() => config.GetInt("g"));
        Assert.Throws<HoconException>(() => config.GetBoolean("b"));
        Assert.Throws<HoconException>(() => config.GetDouble("f"));
    }

    [Fact]
    public void ListsMayBeWrittenByIndex()
    {
        var config = HoconConfig.Parse(
            "a = [x, 1, true], b { 2 = z, 0 = x, ten = 3 }, c = [x, null], d {}, e = x", "test");
        Assert.Equal(["x", "1", "true"], config.GetStringList("a"));
        Assert.Equal(["x", "z"], config.GetStringList("b"));
        foreach (var key in new[] { "c", "d", "e", "f" })
        {
            Assert.Throws<HoconException>(() => config.GetStringList(key));
        }
    }

    [Fact]
    public void AnErrorNamesTheWholeKeyAndItsPlace()
    {
        var config = HoconConfig.Parse("a {\n  \"b c\" { d = x }\n}", "test.conf");
        var inner = config.GetConfig("a").GetConfig("\"b c\"");
        Assert.Equal(
            "test.conf:2:15: a.\"b c\".d is \"x\"; expected an integer",
            Assert.Throws<HoconException>(() => inner.GetInt("d")).Message);
        Assert.Equal(
            "test.conf:2:9: a.\"b c\".e is missing; expected a string",
            Assert.Throws<HoconException>(() => inner.GetString("e")).Message);
        Assert.True(config.Has("a.\"b c\".d"));
        Assert.False(config.Has("a.b.c"));
        Assert.Throws<HoconException>(() => config.Find("a..b"));
        Assert.Throws<HoconException>(() => HoconConfig.Parse("[1]", "test"));
    }
}
