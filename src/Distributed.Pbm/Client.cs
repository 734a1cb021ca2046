using Distributed.Kernel;
using Distributed.Runtime;
using Distributed.Runtime.Pbm;

namespace Distributed.Pbm;

/// <summary>What was asked for on the command line, from the words to the exit code.</summary>
internal static class Client
{
    private const string DefaultAddress = "127.0.0.1:9110";

    public static async Task<int> RunAsync(string[] words, ClientTerminal terminal)
    {
        if (words is ["-h" or "--help" or "-?"])
        {
            terminal.Output.WriteLine(HelpText.Usage);
            return ExitCodes.Done;
        }

        string? configuration = null;
        if (words is ["--config", var file, ..])
        {
            configuration = file;
            words = words[2..];
        }

        bool isAddressed = words.Length > 0 && words[0].Contains(':', StringComparison.Ordinal);
        string address = isAddressed ? words[0] : DefaultAddress;
        string[] rest = isAddressed ? words[1..] : words;
        try
        {
            using var client = new PbmClient(
                address,
                Configuration.Security(Configuration.Read(configuration, settings: [])));
            PbmDescription description;
            try
            {
                description = await client.DescribeAsync(CancellationToken.None);
            }
            catch (OperatingException) when (rest is ["help" or "--help"])
            {
                // The usage is known without a node; what a node can be asked is not.
                terminal.Output.WriteLine(HelpText.Usage);
                throw;
            }

            var session = new Session(client, description, terminal);
            return rest.Length > 0
                ? await session.RunAsync(rest, isOneShot: true)
                : await new Prompt(session, terminal).RunAsync();
        }
        catch (OperatingException failure)
        {
            terminal.Complain(failure.Message);
            return failure.ExitCode;
        }
    }
}
