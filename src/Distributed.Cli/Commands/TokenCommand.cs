using System.CommandLine;
using Distributed.Kernel;
using Distributed.Runtime.Security;

namespace Distributed.Cli.Commands;

/// <summary>`token`: the secret that lets hosts of a cluster know each other.</summary>
internal static class TokenCommand
{
    public static Command Create(CommandServices services)
    {
        Argument<string> file = Flags.Words<string>(
            "FILE", "The file to make; never overwritten", ArgumentArity.ExactlyOne);
        var draw = new Command(
            "new", "Writes a new token into a file that only its owner can read.")
        {
            file,
        };
        draw.SetAction(parsed =>
        {
            string path = parsed.GetRequiredValue(file);
            Write(path, AccessToken.Draw());
            services.Terminal.Error.WriteLine(
                $"distributed: wrote {path}; copy it to every host and set security.token-file "
                + "there");
            return ExitCodes.Done;
        });
        return new Command("token", "Makes the token that a cluster of several hosts needs.")
        {
            draw,
        };
    }

    private static void Write(string path, string token)
    {
        try
        {
            var options = new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
            };
            // From the first moment on: nobody may read it before it is narrowed.
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            using var stream = new FileStream(path, options);
            using var writer = new StreamWriter(stream);
            writer.WriteLine(token);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new OperatingException(
                $"the token file {path} cannot be made ({failure.Message}): expected a path where "
                + "nothing is yet, in a folder that can be written", inner: failure);
        }
    }
}
