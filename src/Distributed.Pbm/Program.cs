using Distributed.Pbm;

return await Client.RunAsync(args, ClientTerminal.Detect());
