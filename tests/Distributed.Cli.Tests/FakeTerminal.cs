using System.Text;

namespace Distributed.Cli.Tests;

/// <summary>A terminal whose output and clock a test holds in its hands.</summary>
internal sealed class FakeTerminal
{
    private readonly StringBuilder output = new();
    private readonly StringBuilder error = new();

    public FakeTerminal(bool interactive = false, bool colours = false, int width = 100) =>
        Terminal = new Terminal(
            new StringWriter(output) { NewLine = "\n" },
            new StringWriter(error) { NewLine = "\n" },
            interactive, colours, width, Clock);

    public ManualClock Clock { get; } = new();

    public Terminal Terminal { get; }

    public string Output => output.ToString();

    public string Error => error.ToString();
}
