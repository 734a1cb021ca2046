using Distributed.Training.Specification;

namespace Distributed.Training.Tests.Specification;

/// <summary>
/// Goal: a tree survives being written, for a sweep's values travel so. Method: odd trees, written
/// and read again.
/// </summary>
public sealed class SpecYamlTests
{
    [Theory]
    [InlineData("conv: {filters: 8, padding: same}", "{conv: {filters: 8, padding: same}}")]
    [InlineData("- relu\n- maxPool: 2", "[relu, {maxPool: 2}]")]
    [InlineData("a: ~\nb:\nc: null", "{a: null, b: null, c: null}")]
    [InlineData("[-1, +2.5, 1e-4, .5]", "[-1, +2.5, 1e-4, .5]")]
    [InlineData("['null', \"~\", '', ' x', 'a, b', '[', 'a: b', '#', 'a #b']",
        "[\"null\", \"~\", \"\", \" x\", \"a, b\", \"[\", \"a: b\", \"#\", \"a #b\"]")]
    [InlineData("{$: x, $repeat: y, a.b: 1, 'c[0]': 2}",
        "{$: x, $repeat: y, a.b: 1, \"c[0]\": 2}")]
    [InlineData("{}", "{}")]
    [InlineData("a:\n  - []\n  - {}", "{a: [[], {}]}")]
    [InlineData("\"two\\nlines \\\" \\\\ \\t\"", "\"two\\u000alines \\\" \\\\ \\u0009\"")]
    public void A_tree_is_written_in_one_line_that_reads_back(string yaml, string line)
    {
        Assert.Equal(line, SpecYaml.Write(Parse(yaml)));
        Assert.Equal(line, SpecYaml.Write(Parse(line)));
        Assert.Equal(line, SpecYaml.Write(Parse(yaml).Copy()));
    }

    private static SpecNode Parse(string yaml)
    {
        var errors = new SpecErrors();
        var node = SpecYaml.Parse(yaml, (line, column) => $"{line}:{column}", errors);
        errors.ThrowIfAny();
        return node!;
    }
}
