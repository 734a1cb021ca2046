using Distributed.Cluster.Configuration;
using Distributed.Kernel;

namespace Distributed.Cluster.Tests.Configuration;

/// <summary>
/// Goal: every document that the specification calls invalid is refused, and the message says
/// where. Method: the position is checked to the column, the rest by a word of the message.
/// </summary>
public sealed class HoconErrorTests
{
    [Theory]
    // Braces and brackets
    [InlineData("{", 1, 2)]
    [InlineData("}", 1, 1)]
    [InlineData("[", 1, 2)]
    [InlineData("]", 1, 1)]
    [InlineData("a = 1 }", 1, 7)]
    [InlineData("\"foo\" : 10 [ ", 1, 14)]
    [InlineData("{}x", 1, 3)]
    [InlineData("{}{}", 1, 3)]
    [InlineData("[]{}", 1, 3)]
    [InlineData("[]true", 1, 3)]
    [InlineData("{ a : [ }", 1, 9)]
    [InlineData("[ 10, }]", 1, 7)]
    [InlineData("[ 10, {]", 1, 8)]
    [InlineData("[ # comment ]", 1, 14)]
    // Neither object nor list
    [InlineData("10", 1, 3)]
    [InlineData("\"foo\"", 1, 6)]
    // Commas
    [InlineData(",", 1, 1)]
    [InlineData("[,]", 1, 2)]
    [InlineData("[,1]", 1, 2)]
    [InlineData("[1,,2]", 1, 4)]
    [InlineData("[1,2,,]", 1, 6)]
    [InlineData("{ , a : 1 }", 1, 3)]
    [InlineData("{ a : 1 ,, }", 1, 10)]
    [InlineData("a : 1 ,, ", 1, 8)]
    [InlineData("{ a : true \"b\" : false }", 1, 16)]
    // Keys
    [InlineData("{ 1,2 }", 1, 4)]
    [InlineData("{ a }", 1, 5)]
    [InlineData("{ : 10 }", 1, 3)]
    [InlineData("{ a : 10, true }", 1, 16)]
    [InlineData("{ foo \n bar : 10 }", 2, 2)]
    [InlineData("{ { a : 1 } : 2 }", 1, 3)]
    [InlineData("{ [1] : 2 }", 1, 3)]
    [InlineData("{ ${a} : 2 }", 1, 3)]
    [InlineData("a..b = 1", 1, 1)]
    [InlineData(".a = 1", 1, 1)]
    [InlineData("a. = 1", 1, 1)]
    // Values
    [InlineData("a =", 1, 4)]
    [InlineData("a : ", 1, 5)]
    [InlineData("{ a= }", 1, 6)]
    [InlineData("a.b=", 1, 5)]
    [InlineData("[:1]", 1, 2)]
    [InlineData("[1 : 2]", 1, 4)]
    [InlineData("[ = ]", 1, 3)]
    [InlineData("[ + ]", 1, 3)]
    [InlineData("[ ` ]", 1, 3)]
    [InlineData("[ ^ ]", 1, 3)]
    [InlineData("[ ? ]", 1, 3)]
    [InlineData("[ ! ]", 1, 3)]
    [InlineData("[ @ ]", 1, 3)]
    [InlineData("[ * ]", 1, 3)]
    [InlineData("[ & ]", 1, 3)]
    [InlineData("[ \\ ]", 1, 3)]
    [InlineData("[ += ]", 1, 3)]
    [InlineData("+= 10", 1, 1)]
    [InlineData("10 +=", 1, 6)]
    [InlineData("[ 10e+3e ]", 1, 6)]
    // Strings
    [InlineData("\n\n  a = \"x", 3, 7)]
    [InlineData("a = \"x\ny\"", 1, 5)]
    [InlineData("a = \"x\ty\"", 1, 7)]
    [InlineData("a = \"\\q\"", 1, 6)]
    [InlineData("a = \"\\u12x4\"", 1, 6)]
    [InlineData("a = \"\"\"x", 1, 5)]
    // Substitutions
    [InlineData("[$]", 1, 2)]
    [InlineData("[${]", 1, 4)]
    [InlineData("[${}]", 1, 2)]
    [InlineData("[${?}]", 1, 2)]
    [InlineData("[${ ?a}]", 1, 5)]
    [InlineData("[${a\n}]", 1, 5)]
    [InlineData("a = ${ ${b} }", 1, 8)]
    [InlineData("${ #comment }", 1, 1)]
    // Resolution
    [InlineData("a = 1\nb = ${c}", 2, 5)]
    [InlineData("a = ${a}", 1, 5)]
    [InlineData("a = ${a}, a = { b : 1 }", 1, 5)]
    [InlineData("a = ${b}, b = ${c}, c = ${a}", 1, 25)]
    [InlineData("a = { b : ${a} }", 1, 11)]
    [InlineData("a = [1, ${a}]", 1, 9)]
    [InlineData("a = ${b}, b = { c = ${?d}${a} }", 1, 21)]
    [InlineData("a = [1], b = y${a}z", 1, 14)]
    [InlineData("a = { c : 2 }, b = y${a}z", 1, 20)]
    [InlineData("a = abc [1]", 1, 5)]
    [InlineData("a = null { b : 1 }", 1, 5)]
    [InlineData("a = [1] { b : 1 }", 1, 9)]
    [InlineData("a = 1, a += 2", 1, 10)]
    [InlineData("a = [1] \" \" [2]", 1, 9)]
    [InlineData("a = [{ b += 1 }]", 1, 10)]
    // Includes
    [InlineData("include foo", 1, 12)]
    [InlineData("include : { a : 1 }", 1, 9)]
    [InlineData("include = 1", 1, 9)]
    [InlineData("{ include \"bar\" : 10 }", 1, 17)]
    [InlineData("include file(\"x\"", 1, 1)]
    [InlineData("include nothing(\"x\")", 1, 1)]
    [InlineData("include \"http://example.com/a.conf\"", 1, 9)]
    [InlineData("\ninclude required(\"absent.conf\")", 2, 18)]
    public void AnInvalidDocumentIsRefusedAtItsPlace(string document, int line, int column)
    {
        var error = Assert.Throws<HoconException>(
            () => HoconDocument.ParseValue(document, "dir/test.conf"));
        Assert.StartsWith("dir/test.conf:", error.Message, StringComparison.Ordinal);
        Assert.Equal((line, column), (error.Origin.Line, error.Origin.Column));
        Assert.Contains("; expected ", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Equal(ExitCodes.OperatingError, error.ExitCode);
    }

    [Theory]
    [InlineData("a = 1 b = 2", "found '='")]
    [InlineData("a = ${node.nme}", "${node.nme} is neither a key nor an environment variable")]
    [InlineData("a = ${a}", "refers to itself (a cycle)")]
    [InlineData("a = { b = ${a} }", "contains itself (a cycle)")]
    [InlineData("a = *", "'*' is a reserved character")]
    [InlineData("a = host:1", "found ':'")]
    [InlineData("a = [1] x", "cannot join")]
    [InlineData("include x", "double quotes after include")]
    public void TheMessageSaysWhatIsWrong(string document, string part) =>
        Assert.Contains(
            part,
            Assert.Throws<HoconException>(() => HoconConfig.Parse(document, "test")).Message,
            StringComparison.Ordinal);

    /// <summary>
    /// Goal: input made to exhaust the stack or the memory is refused in good time.
    /// </summary>
    [Fact]
    public void HostileInputIsRefused()
    {
        var manyLines = string.Concat(Enumerable.Range(0, 1000).Select(
            index => $"a{index + 1} = ${{a{index}}} {{ x{index} = 1 }}\n"));
        string[] documents =
        [
            new('[', 100_000),
            string.Concat(Enumerable.Repeat("{a", 100_000)),
            string.Concat(Enumerable.Repeat("a.", 100_000)) + "a = 1",
            string.Concat(Enumerable.Repeat("b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b {", 150)),
            "a = 1\n" + string.Concat(Enumerable.Repeat("a = ${a}1\n", 10_000)),
            string.Concat(Enumerable.Range(0, 5000).Select(i => $"a{i} = ${{a{i + 1}}}\n")),
            "a0 = xxxxxxxx\n" + string.Concat(Enumerable.Range(0, 60).Select(
                i => $"a{i + 1} = ${{a{i}}}${{a{i}}}\n")),
            "a0 = [1]\n" + string.Concat(Enumerable.Range(0, 60).Select(
                i => $"a{i + 1} = ${{a{i}}} ${{a{i}}}\n")),
            "a = " + string.Concat(Enumerable.Repeat("${?b} [", 1000)),
        ];
        foreach (var document in documents)
        {
            Assert.Throws<HoconException>(() => HoconConfig.Parse(document, "test"));
        }
        // This one is merely long: whether the stack holds it or not, it must not end the process.
        var outcome = Record.Exception(
            () => HoconConfig.Parse("a0 { x = 1 }\n" + manyLines, "test"));
        Assert.True(outcome is null or HoconException, $"{outcome}");
    }
}
