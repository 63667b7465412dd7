"""How often diffusers fails on a grid of configs: python3 diffusers_failures.py totality-grid.json diffusers-failures.json"""
import collections, inspect, json, logging, sys, warnings
import torch, diffusers
warnings.filterwarnings('ignore'); logging.disable(logging.CRITICAL)
torch.set_num_threads(1)
grid=json.load(open(sys.argv[1]))
out={}
for name,fam in grid['families'].items():
    cls=getattr(diffusers,fam['className']); known=inspect.signature(cls.__init__).parameters; total=0; bad=0; why=collections.Counter()
    for n in grid['steps']:
        for spacing in grid['spacings']:
            for schedule in grid['schedules']:
                for g in fam['grids']:
                    for o in fam['variants']:
                        total+=1
                        try:
                            s=cls(**{k:v for k,v in {'timestep_spacing':spacing,'beta_schedule':schedule,**g,**o}.items() if k in known})
                            s.set_timesteps(n)
                            gen=torch.Generator().manual_seed(0)
                            x=torch.randn(1,1,2,2,generator=gen)*s.init_noise_sigma
                            e=torch.randn(1,1,2,2,generator=gen)
                            for t in s.timesteps:
                                s.scale_model_input(x,t)
                                kw={'generator':gen} if 'generator' in s.step.__code__.co_varnames else {}
                                x=s.step(e,t,x,**kw).prev_sample
                            if not torch.isfinite(x).all(): bad+=1; why['NaN or infinity']+=1
                        except Exception as ex:
                            bad+=1; why[type(ex).__name__]+=1
    out[name]={'cases':total,'failures':bad,'kinds':dict(why)}
    print(name,out[name],file=sys.stderr,flush=True)
json.dump({'diffusers':diffusers.__version__,**out},open(sys.argv[2],'w'),indent=2)
