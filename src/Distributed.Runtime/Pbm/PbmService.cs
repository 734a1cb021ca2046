using Distributed.Kernel;
using Distributed.Runtime.Protocol;
using Grpc.Core;

namespace Distributed.Runtime.Pbm;

/// <summary>Answers pbm. An operating error is an end like any other.</summary>
internal sealed class PbmService(InspectedNode node, PbmLifetime lifetime) : Protocol.Pbm.PbmBase
{
    public override Task<DescribePbmReply> Describe(
        DescribePbmRequest request, ServerCallContext context) =>
        Task.FromResult(Palettes.Describe(node.Options.Version));

    public override Task<CompletePbmReply> Complete(
        CompletePbmRequest request, ServerCallContext context)
    {
        Parameter? parameter = Palettes.Find(request.Palette, request.Command).Parameters
            .FirstOrDefault(one => one.Name == request.Parameter);
        var reply = new CompletePbmReply();
        reply.Values.AddRange(
            parameter?.Choices is { Count: > 0 } choices ? choices
            : parameter?.Complete?.Invoke(node) ?? []);
        return Task.FromResult(reply);
    }

    public override async Task Run(
        RunPbmRequest request, IServerStreamWriter<PbmItem> responseStream,
        ServerCallContext context)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(
            context.CancellationToken, lifetime.Stopping);
        PbmEnd end;
        try
        {
            end = await RunAsync(request, responseStream.WriteAsync, stop.Token);
        }
        catch (OperationCanceledException) when (
            lifetime.Stopping.IsCancellationRequested
            && !context.CancellationToken.IsCancellationRequested)
        {
            end = new PbmEnd
            {
                ExitCode = ExitCodes.OperatingError,
                Message = "connection to host terminated: this coordinator is being stopped",
            };
        }
        catch (OperationCanceledException)
        {
            // Who has gone is told nothing any more.
            return;
        }

        await responseStream.WriteAsync(new PbmItem { End = end });
    }

    /// <summary>The items of the answer, without its end, which is returned.</summary>
    internal async Task<PbmEnd> RunAsync(
        RunPbmRequest request, Func<PbmItem, Task> send, CancellationToken cancellation)
    {
        try
        {
            Command command = Palettes.Find(request.Palette, request.Command);
            IReadOnlyDictionary<string, string> values = Check(command, request);
            if (command.NeedsLeader)
                node.CheckLeads();
            var call = new Call(
                node, values, request.Json, request.Width, send, cancellation);
            if (!request.Plan)
            {
                await command.Run(call);
            }
            else if (command.Plan is { } planned)
            {
                Plan plan = planned(call);
                var told = new PbmPlan { Text = Shown.Line(plan.Text) };
                told.Values.Add(request.Values);
                foreach ((string name, string value) in plan.Values)
                    told.Values[name] = value;
                await send(new PbmItem { Plan = told });
            }

            return new PbmEnd();
        }
        catch (OperatingException failure)
        {
            return new PbmEnd
            {
                ExitCode = failure.ExitCode,
                Message = Shown.Line(failure.Message),
            };
        }
    }

    /// <summary>The values as commands know them: choices are spelt as they are
    /// listed.</summary>
    private static Dictionary<string, string> Check(Command command, RunPbmRequest request)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((string name, string value) in request.Values)
        {
            Parameter parameter = command.Parameters.FirstOrDefault(one => one.Name == name)
                ?? throw new OperatingException(
                    $"{request.Palette} {command.Name} takes no \"{name}\": ./pbm "
                    + $"{request.Palette} help tells what it takes", ExitCodes.BadUsage);
            values[name] = parameter.Choices.Count == 0
                ? value
                : parameter.Choices.FirstOrDefault(
                    choice => choice.Equals(value, StringComparison.OrdinalIgnoreCase))
                ?? throw new OperatingException(
                    $"{name} is \"{value}\": expected one of "
                    + string.Join(", ", parameter.Choices), ExitCodes.BadUsage);
        }

        Parameter? missing = command.Parameters.FirstOrDefault(
            one => one.IsRequired && !request.Values.ContainsKey(one.Name));
        if (missing is not null)
        {
            string wanted = missing.Kind == ParameterKind.Argument
                ? missing.Name.ToUpperInvariant()
                : $"--{missing.Name}";
            throw new OperatingException(
                $"{request.Palette} {command.Name} needs {wanted}: {missing.Help}",
                ExitCodes.BadUsage);
        }

        return values;
    }
}

/// <summary>Ends what streams when the node stops.</summary>
internal sealed record PbmLifetime(CancellationToken Stopping);
